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

/** Seconds since the boot of the traced host, as every table prints them; in ns. */
export function secondsSinceBoot(text: string): number {
  if (!/^\d+(\.\d{1,9})?$/.test(text))
    throw new InvalidArgumentError('It is not a time in seconds since boot.')
  return Math.round(Number(text) * 1e9)
}
