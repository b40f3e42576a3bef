"""How the answers of commands look to a person: on a terminal, in a ticket, in a summary."""
