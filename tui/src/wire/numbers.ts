import protobuf from 'protobufjs/minimal.js'

/**
 * To be imported before the generated code: 64-bit fields become numbers, as its types say, and not objects of the
 * package long, which protobufjs takes up on its own where it is installed.
 */
Reflect.set(protobuf.util, 'Long', undefined)
protobuf.configure()
