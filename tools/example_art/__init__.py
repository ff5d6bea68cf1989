"""Paints the example collection: paint (noise, clip art, text), scene (landscapes), card (one card),
catalogue (which cards), desk and camera (a card as a camera sees it), shots (which frames)."""
