/** Numbers as people read them, everywhere alike. Pure; every function says its unit. */

/** `1234567` -> `1,234,567`. */
export function count(value: number): string {
  return Math.round(value)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, ',')
}

const BINARY = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']

/** Bytes: `0 B`, `4.00 KiB`, `1.50 GiB`. */
export function bytes(value: number): string {
  let scaled = value
  let step = 0
  while (scaled >= 1023.5 && step < BINARY.length - 1) {
    scaled /= 1024
    step++
  }
  return `${step === 0 ? Math.round(scaled).toString() : threeDigits(scaled)} ${BINARY[step]}`
}

function threeDigits(value: number): string {
  if (value >= 99.95) return value.toFixed(0)
  return value >= 9.995 ? value.toFixed(1) : value.toFixed(2)
}

/** A span of time in ns: `850 ns`, `12.0 ms`, `3.2 s`, `4m05s`, `2h07m`, `3d04h`. */
export function duration(ns: number): string {
  if (ns < 1e3) return `${Math.round(ns)} ns`
  if (ns < 1e6) return `${(ns / 1e3).toFixed(1)} us`
  if (ns < 1e9) return `${(ns / 1e6).toFixed(1)} ms`
  const seconds = ns / 1e9
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  if (whole < 3600) return `${Math.floor(whole / 60)}m${twoDigits(whole % 60)}s`
  const minutes = Math.floor(whole / 60)
  if (minutes < 1440) return `${Math.floor(minutes / 60)}h${twoDigits(minutes % 60)}m`
  return `${Math.floor(minutes / 1440)}d${twoDigits(Math.floor(minutes / 60) % 24)}h`
}

function twoDigits(value: number): string {
  return value.toString().padStart(2, '0')
}

/** Time since the boot of the traced host, in seconds with microseconds, as dmesg writes it: `1234.567890`. */
export function sinceBoot(ns: number): string {
  return (ns / 1e9).toFixed(6)
}

/** The address of a virtual page number: `0x7f5e1c200000`. */
export function pageAddress(vpn: number): string {
  return `0x${(BigInt(vpn) << 12n).toString(16)}`
}
