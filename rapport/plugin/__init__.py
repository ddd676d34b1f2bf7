"""Rapport as the guest of somebody else's bot: its flows in a program that has handlers already.

host.py        `Rapport`: what the host's program talks with
ownership.py   whose a message is: the host's or the flows'
customers.py   what the host reads and writes of customers
listening.py   what the host hears: each event at least once, in order
feeding.py     our polling loop, for a host that wants nothing lost
aiogram.py ptb.py   the two libraries
"""
