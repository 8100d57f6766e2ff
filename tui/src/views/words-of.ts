/** The names of numbers as people read them: `ForkCopy` becomes `fork-copy` or `fork copy`. */
export function wordsOf(
  numbers: Readonly<Record<string, number>>,
  between: '-' | ' ',
): Readonly<Partial<Record<number, string>>> {
  const words = (name: string) => name.replace(/(?!^)([A-Z])/g, `${between}$1`).toLowerCase()
  return Object.fromEntries(Object.entries(numbers).map(([name, number]) => [number, words(name)]))
}
