import type { Keep } from '../store/retention.js'

/** What --keep and --max-size ask of a recording. */
export function keepOf({ keep, maxSize }: { readonly keep?: number; readonly maxSize?: number }): Keep {
  return {
    ...(keep === undefined ? {} : { keepNs: keep }),
    ...(maxSize === undefined ? {} : { maxBytes: maxSize }),
  }
}
