"""What can be known without touching anything: facts, rules, turns, documents."""
