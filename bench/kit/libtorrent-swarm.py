"""One seeder and some leechers of libtorrent, each with an upload limit, on loopback. Prints the seconds until the last
leecher has everything, and how many copies the seeder has sent.

    libtorrent-swarm.py FOLDER LEECHERS MIB BYTES_PER_SECOND default|super

TCP without encryption, as PeerLab is measured; the limit must hold on loopback too, which libtorrent leaves out of it
unless a peer class says otherwise.
"""
import os
import sys
import time

import libtorrent as lt

folder, leechers, mib, rate, mode = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]
GIVE_UP_SECONDS = 240


def session(limit):
    made = lt.session({
        'listen_interfaces': '127.0.0.1:0', 'enable_dht': False, 'enable_lsd': False, 'enable_upnp': False,
        'enable_natpmp': False, 'allow_multiple_connections_per_ip': True, 'enable_outgoing_utp': False,
        'enable_incoming_utp': False, 'out_enc_policy': 2, 'in_enc_policy': 2, 'alert_mask': 0,
    })
    limited = made.create_peer_class('limited')
    known = made.get_peer_class(limited)
    known['upload_limit'] = limit
    made.set_peer_class(limited, known)
    filtered = lt.ip_filter()
    filtered.add_rule('0.0.0.0', '255.255.255.255', 1 << limited)
    made.set_peer_class_filter(filtered)
    return made


seed_folder = os.path.join(folder, 'seed')
os.makedirs(seed_folder)
with open(os.path.join(seed_folder, 'file.bin'), 'wb') as out:
    for _ in range(mib):
        out.write(os.urandom(1024 * 1024))
files = lt.list_files(os.path.join(seed_folder, 'file.bin'))
made = lt.create_torrent(files)
lt.set_piece_hashes(made, seed_folder)
info = lt.torrent_info(lt.bencode(made.generate()))

seeder = session(rate)
flags = lt.torrent_flags.seed_mode | (lt.torrent_flags.super_seeding if mode == 'super' else lt.torrent_flags.seed_mode)
added = lt.add_torrent_params()
added.ti, added.save_path, added.flags = info, seed_folder, (added.flags | flags) & ~lt.torrent_flags.auto_managed & ~lt.torrent_flags.paused
source = seeder.add_torrent(added)
crowd = []
for index in range(leechers):
    one = session(rate)
    params = lt.add_torrent_params()
    params.ti, params.save_path = info, os.path.join(folder, str(index))
    params.flags = params.flags & ~lt.torrent_flags.auto_managed & ~lt.torrent_flags.paused
    os.makedirs(params.save_path)
    crowd.append((one, one.add_torrent(params)))
time.sleep(1)
began = time.monotonic()
for index, (_, torrent) in enumerate(crowd):
    torrent.connect_peer(('127.0.0.1', seeder.listen_port()))
    for other, _ in crowd[:index]:
        torrent.connect_peer(('127.0.0.1', other.listen_port()))
while not all(torrent.status().is_seeding for _, torrent in crowd):
    time.sleep(0.02)
    if time.monotonic() - began > GIVE_UP_SECONDS:
        sys.exit('not done in %d s' % GIVE_UP_SECONDS)
seconds = time.monotonic() - began
print('%.3f %.3f' % (seconds, source.status().total_payload_upload / (mib * 1024 * 1024)))
sys.stdout.flush()
os._exit(0)
