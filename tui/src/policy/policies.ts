import type { PageSize, RuleId } from '../model/finding.js'
import { BOUNDARIES } from './boundaries.js'
import { mechanicsOf } from './mechanics.js'
import { POLICY_NAMES, type Policy, type PolicyName, type PolicyPromise } from './policy.js'
import { promiseOf } from './promises/promises.js'
import { at, parseRelease, series, seriesText, type KernelVersion, type Series } from './version.js'

interface Era {
  readonly from: Series
  /** The series whose rules the bare name of the policy stands for. */
  readonly typical: Series
  readonly words: Pick<Policy, 'kernels' | 'reuse' | 'gup' | 'coherence' | 'isolation'>
}

const ERAS: Readonly<Record<PolicyName, Era>> = {
  mapcount: {
    from: 0,
    typical: at('5.7'),
    words: {
      kernels: 'up to 5.7 (5.7.3 and later point releases of older series have the forced break)',
      reuse: 'by mapcount 1, whoever else holds a reference',
      gup: 'takes whatever is mapped',
      coherence: 'lost after fork when the holder of the pin writes first',
      isolation: 'lost: CVE-2020-29374',
    },
  },
  'force-break': {
    from: BOUNDARIES.forcedBreak.from,
    typical: BOUNDARIES.forcedBreak.from,
    words: {
      kernels: '5.8, and older long-term series with the backport of 17839856fd58',
      reuse: 'by mapcount 1, whoever else holds a reference',
      gup: 'breaks COW for readers too, as a write would: userfaultfd-wp is told of a write, file pages are copied',
      coherence:
        'kept for what is taken after fork; lost for what is taken before, when the holder writes first',
      isolation: 'kept for what is taken after fork',
    },
  },
  'page-count': {
    from: BOUNDARIES.reuseByCount.from,
    typical: at('5.10'),
    words: {
      kernels: '5.9 to 5.18; THP and swap-in go by mapcount up to 5.17, hugetlb always',
      reuse: '4 KiB: by page_count 1',
      gup: 'takes whatever is mapped; fork copies what FOLL_PIN holds for the child (hugetlb from 5.12)',
      coherence: 'lost for pins for reading, and after mprotect, swap or any passing reference',
      isolation: 'kept for 4 KiB; not for THP and swapped pages up to 5.17, nor for hugetlb',
    },
  },
  'anon-exclusive': {
    from: BOUNDARIES.anonExclusive.from,
    typical: at('6.12'),
    words: {
      kernels:
        '5.19 on; long-term pins for reading of file and zero pages from 6.2, O_DIRECT by FOLL_PIN from 6.5',
      reuse: 'by PageAnonExclusive or a sole reference; hugetlb by mapcount',
      gup: 'FOLL_PIN for reading unshares first (FAULT_FLAG_UNSHARE)',
      coherence: 'kept for FOLL_PIN; not promised for FOLL_GET',
      isolation: 'kept; on hugetlb for FOLL_PIN only',
    },
  },
}

/** The policy of kernels of one series. */
export function policyOf(version: Series, note = ''): Policy {
  const name = nameOf(version)
  return {
    name,
    ...ERAS[name].words,
    version: seriesText(version),
    note,
    mechanics: mechanicsOf(version),
    promises: (rule, size) => promiseOf(version, rule, size).standing,
    promise: (rule, size) => promiseOf(version, rule, size),
  }
}

/** As {@link policyOf}, for a kernel that may be another: it promises nothing, so that nothing is called its bug. */
function guessed(version: Series, note: string): Policy {
  const policy = policyOf(version, note)
  const promise = (rule: RuleId, size: PageSize): PolicyPromise => {
    const known = policy.promise(rule, size)
    return known.standing === 'promised' ? { ...known, standing: 'not-promised', why: note } : known
  }
  return { ...policy, promise, promises: (rule, size) => promise(rule, size).standing }
}

function nameOf(version: Series): PolicyName {
  return POLICY_NAMES.reduce((found, name) => (ERAS[name].from <= version ? name : found))
}

/** The four eras, by age; each as its most used kernel has it: 5.7, 5.8, 5.10, 6.12. */
export const POLICIES: readonly Policy[] = POLICY_NAMES.map((name) => policyOf(ERAS[name].typical))

/** What `--policy` takes: a name of an era, or a series ("6.1"); undefined for anything else. */
export function policyNamed(name: string): Policy | undefined {
  const era = POLICIES.find((policy) => policy.name === name)
  if (era) return era
  const version = parseRelease(name)
  return version && policyFor(name)
}

/** Vanilla series that end before the fix came into them, whose point releases may have it by backport. */
const BACKPORTED: readonly Series[] = [at('4.4'), at('4.9'), at('4.14'), at('4.19'), at('5.4'), at('5.6')]
const NEWEST_SEEN = at('7.3')

/**
 * The policy of a running kernel, by its release (`uname -r`), Debian's or vanilla. Never throws: a release that cannot
 * be read gets the newest era, a note that says so, and no promise.
 */
export function policyFor(kernelRelease: string): Policy {
  const version = parseRelease(kernelRelease)
  if (!version) {
    return guessed(
      ERAS['anon-exclusive'].typical,
      'the release of this kernel cannot be read: what it promises is not known; name its rules with --policy',
    )
  }
  const own = series(version.major, version.minor)
  if (hasBackportedBreak(own, version)) {
    return policyOf(
      BOUNDARIES.forcedBreak.from,
      'point releases of this series have the forced COW break by backport; which was the first was not checked',
    )
  }
  return policyOf(own, noteOf(own, version))
}

function hasBackportedBreak(own: Series, { point }: KernelVersion): boolean {
  if (own === at('5.7')) return point !== undefined && point >= 3
  return BACKPORTED.includes(own) && point !== 0
}

function noteOf(own: Series, { rest }: KernelVersion): string {
  if (/\.(?:el|amzn|oe|an|tl|ky)\d/i.test(rest)) {
    return 'an enterprise kernel may have newer rules than its version says, by backport; name them with --policy'
  }
  if (own > NEWEST_SEEN)
    return 'newer than every kernel that this was checked with: judged by the newest rules known'
  return ''
}
