// usage: npm run build   the client and the agent, without looking at system packages
import { agent, client, say, SetupError } from './steps.mjs'

try {
  await client()
  await agent()
} catch (cause) {
  if (!(cause instanceof SetupError)) throw cause
  say(cause.message)
  process.exitCode = 1
}
