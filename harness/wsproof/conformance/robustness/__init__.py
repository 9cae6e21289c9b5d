"""What a server must stand: crowds, floods, slow clients, long messages. Measured on its process where that is ours.

A property judges one conversation; a trial judges what many do together. `trials` lists them, `growth` and `exponent`
judge what was measured, `ground` is what a trial stands on.
"""
