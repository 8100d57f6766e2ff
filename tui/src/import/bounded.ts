/** Tasks and processes that are remembered. */
const MOST = 1 << 14

/** A map that forgets what was put in first: a hostile file has as many tasks as it has lines. */
export class Bounded<K, V> extends Map<K, V> {
  override set(key: K, value: V): this {
    super.set(key, value)
    if (this.size > MOST) {
      const [oldest] = super.keys()
      this.delete(oldest)
    }
    return this
  }
}
