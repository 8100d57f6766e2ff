import type { FactSink } from '../../model/facts.js'

/** Test support: facts as they come, by name and arguments. */
export interface LoggedFact {
  readonly name: keyof FactSink
  readonly args: readonly unknown[]
}

/** A sink that keeps all facts. */
export function factLog(): { readonly sink: FactSink; readonly facts: LoggedFact[] } {
  const facts: LoggedFact[] = []
  const log =
    (name: keyof FactSink) =>
    (...args: unknown[]) => {
      facts.push({ name, args })
    }
  const sink: FactSink = {
    mm: log('mm'),
    mmEnded: log('mmEnded'),
    process: log('process'),
    fork: log('fork'),
    gap: log('gap'),
    frameSeen: log('frameSeen'),
    frameFreed: log('frameFreed'),
    slotMapped: log('slotMapped'),
    slotEnded: log('slotEnded'),
    edge: log('edge'),
    vma: log('vma'),
    vmaEnded: log('vmaEnded'),
    rate: log('rate'),
    pinTaken: log('pinTaken'),
    pinEnded: log('pinEnded'),
    anomaly: log('anomaly'),
  }
  return { sink, facts }
}

/** Complaints about facts that contradict themselves; empty where they are sound. */
export function contradictions(facts: readonly LoggedFact[]): readonly string[] {
  const complaints: string[] = []
  const mapped = new Map<number, string>()
  const taken = new Map<string, number>()
  const frames = new Set<number>()
  const ended = new Set<number>()
  const pins = new Set<number>()
  const vmas = new Set<number>()
  const last = { frame: 0, slot: 0, edge: 0, pin: 0, vma: 0 }
  const isNext = (what: keyof typeof last, id: number) => {
    if (id !== ++last[what]) complaints.push(`${what} ${id} comes behind ${last[what] - 1}`)
  }
  for (const { name, args } of facts) {
    const [id] = args as number[] // facts that are looked at begin with numbers
    if (name === 'frameSeen') {
      isNext('frame', id)
      frames.add(id)
    } else if (name === 'frameFreed') {
      if (!frames.delete(id)) complaints.push(`frame ${id} is freed though it does not live`)
    } else if (name === 'slotMapped') {
      isNext('slot', id)
      const [, mm, vpn, frame] = args as number[]
      const page = `${mm}/${vpn}`
      if (taken.has(page)) complaints.push(`page ${page} maps two frames`)
      if (!frames.has(frame)) complaints.push(`slot ${id} maps frame ${frame}, which does not live`)
      if (ended.has(mm)) complaints.push(`slot ${id} is in address space ${mm}, which has ended`)
      mapped.set(id, page)
      taken.set(page, id)
    } else if (name === 'slotEnded') {
      const page = mapped.get(id)
      if (page === undefined) complaints.push(`slot ${id} ends though it has not begun, or has ended`)
      else taken.delete(page)
      mapped.delete(id)
    } else if (name === 'mmEnded') ended.add(id)
    else if (name === 'edge') {
      isNext('edge', id)
      for (const frame of args.slice(2, 4) as number[])
        if (frame < 1 || frame > last.frame)
          complaints.push(`edge ${id} is of frame ${frame}, which is unknown`)
    } else if (name === 'pinTaken') {
      const { pin } = args[0] as { pin: number }
      isNext('pin', pin)
      pins.add(pin)
    } else if (name === 'pinEnded') {
      if (!pins.delete(id)) complaints.push(`pin ${id} ends though it was not taken, or has ended`)
    } else if (name === 'vma') {
      const { vma, mm } = args[0] as { vma: number; mm: number }
      isNext('vma', vma)
      if (ended.has(mm)) complaints.push(`vma ${vma} is in address space ${mm}, which has ended`)
      vmas.add(vma)
    } else if (name === 'vmaEnded') {
      if (!vmas.delete(id)) complaints.push(`vma ${id} ends though it has not begun, or has ended`)
    } else if (name === 'rate') {
      const vma = args[7] as number
      if (vma !== 0 && !vmas.has(vma))
        complaints.push(`vma ${vma} is counted in though it has not begun, or has ended`)
    }
  }
  return complaints
}
