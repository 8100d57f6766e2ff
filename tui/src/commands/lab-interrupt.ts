/** A signal asked us to end. */
export class Interrupted extends Error {
  constructor(readonly number: number) {
    super('interrupted')
  }
}

/** The signals that ask us to end, as something to race against. */
export class Interrupt {
  signal: number | undefined
  #reject: (error: Interrupted) => void = () => undefined
  readonly #came = new Promise<never>((_, reject) => {
    this.#reject = reject
  })
  readonly #handlers = (
    [
      ['SIGHUP', 1],
      ['SIGINT', 2],
      ['SIGTERM', 15],
    ] as const
  ).map(([name, number]) => {
    const handler = (): void => {
      this.signal ??= number
      this.#reject(new Interrupted(number))
    }
    process.on(name, handler)
    return [name, handler] as const
  })

  constructor() {
    this.#came.catch(() => undefined)
  }

  async or<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.#came])
  }

  forget(): void {
    for (const [name, handler] of this.#handlers) process.removeListener(name, handler)
  }
}
