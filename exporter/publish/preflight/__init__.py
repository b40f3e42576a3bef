"""How is the answer of a preflight said: on a terminal, in a ticket, to a program?"""
