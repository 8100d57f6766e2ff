// usage: node setup/setup.mjs [run|test]   everything that the main job, or the tests, need on this machine
import { agent, client, nodePackages, perfettoClasses, say, SetupError, systemPackages } from './steps.mjs'

const use = process.argv[2] ?? 'run'

try {
  await systemPackages(use)
  // Neither needs the other, and each leaves processors idle: a first run is a minute shorter so.
  await Promise.all([nodePackages().then(client), agent()])
  if (use === 'test') await perfettoClasses()
} catch (cause) {
  if (!(cause instanceof SetupError)) throw cause
  say(cause.message)
  process.exitCode = 1
}
