import { describe, expect, test } from 'vitest'
import { Flag, Foll, Kind, Outcome, Protection } from '../model/kinds.js'
import { ANON, CHILD, fault, LONGTERM_PIN, PARENT, PFN, pin, READ_GET, READ_PIN, said, slot, Stage, tgidOf, VPN } from './testing/stage.js' // prettier-ignore

describe('A01 needless copy', () => {
  const copy = (facts = {}) => fault({ outcome: Outcome.Copy, newPfn: 0x6000, refcount: 2, ...facts })

  test('a page that only this slot maps is copied: who held it, and what it cost', () => {
    const [finding] = new Stage().judge({}, copy({ flags: Flag.Swapcache })).findings('A01')
    expect(said(finding)).toBe('advice swap-cache 4k')
    expect(finding.first.words).toBe(
      'copied 4096 bytes, though mapped by this slot alone: the swap cache held it (refcount 2)',
    )
  })

  test('the holder is named as far as the counts tell', () => {
    const cause = (event: Parameters<typeof fault>[0], pins = [pin(READ_GET)]) =>
      new Stage()
        .judge({ slots: [slot()], pins }, event ?? {})
        .findings('A01')
        .map(({ cause }) => cause)
    expect(cause(copy())).toEqual(['gup-get'])
    expect(cause(copy(), [])).toEqual(['other'])
    expect(cause({ ...copy(), flags: ANON & ~Flag.Lru }, [])).toEqual(['lru-batch'])
    expect(cause(copy({ order: 4, flags: Flag.Large }), [])).toEqual(['large-folio'])
  })

  test('a huge page costs its whole size', () => {
    const huge = copy({ kind: Kind.HugetlbWp, order: 9, flags: Flag.Hugetlb })
    expect(new Stage().judge({}, huge).findings('A01')[0].first.words).toContain('copied 2097152 bytes')
  })

  test('what others map, or is pinned, had to be copied; KSM pages and files are no concern', () => {
    expect(new Stage().judge({}, copy({ mapcount: 2 })).answers('A01')).toBe('held 1')
    expect(new Stage().judge({ slots: [slot()], pins: [pin()] }, copy()).answers('A01')).toBe('held 1')
    expect(
      new Stage().judge({}, copy({ flags: Flag.Ksm }), { ...copy(), flags: Flag.File }).answers('A01'),
    ).toBe('')
  })

  test('it cannot say without a mapcount', () => {
    expect(new Stage().judge({}, copy({ mapcount: 0 })).answers('A01')).toBe('unknown 1')
  })
})

describe('A02 dontfork', () => {
  const fork = { kind: Kind.ForkVma, mm: PARENT, otherMm: CHILD, tgid: tgidOf(PARENT), vpn: VPN, pages: 16, flags: Flag.VmaAnon } // prettier-ignore

  test('a fork of a mapping with long-term pins is advised against, by its addresses', () => {
    const stage = new Stage().judge({ slots: [slot()], pins: [pin(LONGTERM_PIN)] }, fork)
    expect(stage.findings('A02').map(said)).toEqual(['advice fork 4k long-term pin for writing'])
    expect(stage.findings('A02')[0].first.words).toContain(
      '0x1000000-0x1010000, which is without MADV_DONTFORK',
    )
  })

  test('short pins, shared memory and wiped mappings are no concern', () => {
    expect(new Stage().judge({ slots: [slot()], pins: [pin()] }, fork).answers('A02')).toBe('')
    const known = { slots: [slot()], pins: [pin(LONGTERM_PIN)] }
    const shared = { ...fork, flags: Flag.VmaAnon | Flag.VmaShared }
    const wiped = { ...fork, flags: Flag.VmaAnon | Flag.VmaWipeonfork }
    expect(new Stage().judge(known, shared, wiped).answers('A02')).toBe('')
  })

  test('it cannot say of pins that may have been given back', () => {
    const known = { slots: [slot()], pins: [pin({ ...LONGTERM_PIN, isCertain: false })] }
    expect(new Stage().judge(known, fork).answers('A02')).toBe('unknown 1')
  })
})

describe('A03 self-inflicted', () => {
  const unmap = { kind: Kind.Unmap, mm: PARENT, tgid: tgidOf(PARENT), vpn: VPN, pages: 1, flags: Flag.VmaAnon, timeNs: 2e9 } // prettier-ignore
  const known = { slots: [slot()], pins: [pin()] }
  const copy = fault({ outcome: Outcome.Copy, newPfn: 0x6000, refcount: 1025, pincount: 1 })

  test('a process that unmaps or moves what it has pinned is told so, with how long it was held', () => {
    const stage = new Stage().judge(known, unmap, { ...unmap, kind: Kind.Remap })
    expect(stage.findings('A03').map(said)).toEqual([
      'advice unmap 4k pin for writing',
      'advice remap 4k pin for writing',
    ])
    expect(stage.findings('A03')[0].first.words).toBe(
      'the process detached a FOLL_PIN reference for writing by unmap, held for 1 s',
    )
  })

  test('the mprotect round trip after GUP is its own doing, besides what R05 says of the kernel', () => {
    const protectedByTgid = tgidOf(PARENT)
    const slots = [slot({ protectedBy: Protection.Mprotect, protectedByTgid })]
    const stage = new Stage({ kernel: '5.10.0' }).judge({ ...known, slots }, copy)
    expect(stage.findings('A03').map(said)).toEqual(['advice mprotect 4k pin for writing'])
    expect(stage.findings('R05').map(said)).toEqual(['hazard mprotect 4k pin for writing'])
  })

  test('what another did, or fork, is not', () => {
    expect(new Stage().judge(known, { ...unmap, tgid: 1 }).answers('A03')).toBe('')
    const byOther = [slot({ protectedBy: Protection.Mprotect, protectedByTgid: 1 })]
    expect(new Stage().judge({ ...known, slots: byOther }, copy).answers('A03')).toBe('')
    expect(new Stage().judge({ ...known, slots: [slot({ protectedBy: 8 })] }, copy).answers('A03')).toBe('')
  })

  test('it cannot say of FOLL_GET, whose end nobody sees', () => {
    expect(new Stage().judge({ ...known, pins: [pin(READ_GET)] }, unmap).answers('A03')).toBe('unknown 1')
  })
})

describe('A04 read GUP of a shared COW page', () => {
  const gup = fault({ kind: Kind.Gup, pages: 1, aux: Foll.Pin, mapcount: 2, stack: 3, timeNs: 1e9 })
  const unpin = { kind: Kind.Unpin, oldPfn: PFN, pages: 1, flags: Flag.Anon, timeNs: 1.25e9 }

  test('is measured, with the flags of the call', () => {
    const stage = new Stage({ kernel: '5.10.0' }).judge({}, gup, { ...gup, aux: Foll.Get | Foll.Fast })
    expect(stage.findings('A04').map(said)).toEqual([
      'measured gup 4k pin for reading',
      'measured gup 4k get for reading',
    ])
    expect(stage.findings('A04')[1].first.words).toBe(
      'FOLL_GET, fast, for reading: refcount 1, mapcount 2, not exclusive',
    )
  })

  test('tells at its return how long the reference was held, without counting it twice', () => {
    const known = { slots: [slot()], pins: [pin({ ...READ_PIN, seq: 1, fromNs: 1e9 })] }
    const stage = new Stage({ kernel: '5.10.0' }).judge(known, gup, unpin, unpin)
    expect(stage.findings('A04')).toMatchObject([
      { count: 1, last: { words: 'FOLL_PIN, for reading: held for 250 ms' } },
    ])
    expect(stage.answers('A04')).toBe('broken 1')
  })

  test('a page of one mapping, or a writable one, is no case; writers are no concern', () => {
    expect(new Stage().judge({}, { ...gup, mapcount: 1 }).answers('A04')).toBe('held 1')
    expect(new Stage().judge({}, { ...gup, flags: ANON | Flag.Writable }).answers('A04')).toBe('held 1')
    expect(new Stage().judge({}, { ...gup, aux: Foll.Pin | Foll.Write }).answers('A04')).toBe('')
  })

  test('it cannot say without a mapcount', () => {
    expect(new Stage().judge({}, { ...gup, mapcount: -1 }).answers('A04')).toBe('unknown 1')
  })
})
