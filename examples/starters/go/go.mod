module my/peer

go 1.24
