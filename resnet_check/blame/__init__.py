"""Which line has to change: candidates from the syntax tree, proven by reading the changed file again.

Torch's traceback names the line where shapes collide. The line to change is another one in four cases of five: the call
that passed the wrong number on, the assignment that was forgotten, the condition that leaves a projection out. For a
mismatch in the graph, `candidates` lists small changes of the places that its sizes come from, the most ordinary
mistakes first; `search` makes one after the other in the tree, has the file read again, and blames the first after which
the mismatch is gone and nothing else is wrong.
"""
