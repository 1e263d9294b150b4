"""Drawing: pure functions from a view to lines. Foreign text goes through ``console.text`` here."""
