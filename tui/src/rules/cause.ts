import type { LivePin, SlotView } from '../history/judge.js'
import { Cause } from '../model/facts.js'
import { Protection } from '../model/kinds.js'

export interface NamedCause {
  readonly cause: string
  /** Who did it; 0: not known. */
  readonly causeTgid: number
}

/** `SlotView.protectedBy` of a slot that fork made read-only. */
const BY_FORK = 8

const PROTECTIONS: Readonly<Record<number, string>> = {
  [Protection.Mprotect]: 'mprotect',
  [Protection.MprotectWritable]: 'mprotect',
  [Protection.UffdWp]: 'uffd-wp',
  [Protection.UffdWpResolve]: 'uffd-wp',
  [Protection.Numa]: 'numa',
  [Protection.SoftDirty]: 'soft-dirty',
  [Protection.Ksm]: 'ksm',
  [BY_FORK]: 'fork',
}

const MAPPINGS: Readonly<Record<number, string>> = {
  [Cause.SwapIn]: 'swap',
  [Cause.SwapOut]: 'swap',
  [Cause.Migrate]: 'migrate',
  [Cause.KsmMerge]: 'ksm',
  [Cause.Collapse]: 'collapse',
  [Cause.Fork]: 'fork',
}

/** The name of a write protection, as findings have it. */
export function protectionName(protection: number): string {
  return PROTECTIONS[protection] ?? 'protect'
}

/** Why a write to the slot did not go to its frame: what made it read-only before. `copy`: that was not seen. */
export function whyReadOnly(slot: SlotView | undefined, pin: LivePin | undefined): NamedCause {
  const protectedBy = slot?.protectedBy ?? 0
  if (slot && protectedBy !== 0)
    return { cause: protectionName(protectedBy), causeTgid: slot.protectedByTgid }
  // A slot that has moved, and maps the held frame where it was taken, had moved before, or away and back again.
  const mapped = slot && MAPPINGS[slot.cause]
  if (mapped !== undefined) return { cause: mapped, causeTgid: 0 }
  return { cause: pin !== undefined && pin.splitNs > 0 ? 'pmd-split' : 'copy', causeTgid: 0 }
}
