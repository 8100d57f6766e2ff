"""Four children of a prefork server read 100,000 strings of their parent: every reference count is a write."""
import gc
import os
import sys

strings = [str(number) * 3 for number in range(100_000)]
if sys.argv[1:] == ["freeze"]:
    gc.freeze()
children = []
for _ in range(4):
    child = os.fork()
    if child == 0:
        os._exit(0 if sum(len(one) for one in strings) > 0 else 1)
    children.append(child)
sys.exit(max(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children))
