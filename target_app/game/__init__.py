"""The rules of the game, and its messages. Pure: no I/O, no clock, and no randomness except that of the seed.

All players move over one field, one cell per tick. Outside of its own land, a player leaves a trail. When the player
returns, the land that the trail encloses becomes the player's. A player who runs into a trail before that cuts it, even
the player's own. The owner of the trail then has to wait for a moment. The player with most land at the end of the
round wins.
"""
