"""The rules of the game and what goes over the wire about it. Pure: no I/O, no clock, no chance but the seed's.

Everybody moves over one field, one cell per tick. Outside your own land you leave a trail; come home, and all that the
trail encloses is yours. Whoever runs into your trail before that (you too) cuts it, and you are out for a moment. Most
land at the end of the round wins.
"""
