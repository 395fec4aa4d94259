"""What is chosen and what is said: names, roles, answers, plan, events, failure. No I/O, no SDK, no Textual."""
