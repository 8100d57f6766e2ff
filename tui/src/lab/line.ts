import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'

/** A serial line of the guest: a unix socket of ours that QEMU connects to. */
export class Line {
  #socket: Socket | undefined
  readonly #server

  constructor(onBytes: (bytes: Buffer) => void) {
    this.#server = createServer((socket) => {
      this.#socket = socket
      socket.on('data', onBytes)
      socket.on('error', () => socket.destroy()) // QEMU's end is noticed by its exit
    })
  }

  async listen(path: string): Promise<void> {
    this.#server.listen(path)
    await once(this.#server, 'listening')
  }

  send(text: string): void {
    this.#socket?.write(text)
  }

  close(): void {
    this.#socket?.destroy()
    this.#server.close()
  }
}
