import { InvalidArgumentError } from 'commander'

/** A whole number from 0, decimal. */
export function wholeNumber(text: string): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value))
    throw new InvalidArgumentError('It is not a whole number.')
  return value
}

/** A virtual address, `0x7f..` or the same digits without it; the number of its page. */
export function pageOfAddress(text: string): number {
  const digits = /^(?:0x)?([0-9a-f]{1,16})$/i.exec(text)?.[1]
  if (digits === undefined) throw new InvalidArgumentError('It is not an address (hex, as 0x7f5e1c200000).')
  return Number(BigInt(`0x${digits}`) >> 12n)
}

const UNIT_NS = { s: 1e9, m: 60e9, h: 3600e9, d: 86400e9 } as const

/** How long: `90s`, `30m`, `2h`, `7d`; in ns. */
export function timeSpan(text: string): number {
  return measured(text, UNIT_NS, 'It is not a time span (as 90s, 30m, 2h, 7d).')
}

const UNIT_BYTES = { M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 } as const

/** A size on disk: `500M`, `5G`, `1T`, powers of 1,024; in bytes. */
export function byteSize(text: string): number {
  return measured(text.replace(/i?B$/, ''), UNIT_BYTES, 'It is not a size (as 500M, 5G).')
}

/** A number above 0 and its unit. Throws with `complaint`. */
function measured(text: string, units: Readonly<Record<string, number>>, complaint: string): number {
  const number = Number(text.slice(0, -1))
  const unit = new Map(Object.entries(units)).get(text.slice(-1))
  if (unit === undefined || !/^\d+(\.\d+)?$/.test(text.slice(0, -1)) || number === 0)
    throw new InvalidArgumentError(complaint)
  return number * unit
}

/** Seconds since the boot of the traced host, as every table prints them; in ns. */
export function secondsSinceBoot(text: string): number {
  if (!/^\d+(\.\d{1,9})?$/.test(text))
    throw new InvalidArgumentError('It is not a time in seconds since boot.')
  return Math.round(Number(text) * 1e9)
}
