//go:build !linux

package wire

import "net"

// socket is for Linux: elsewhere reads are net.Conn's.
type socket struct{}

func newSocket(net.Conn) *socket         { return nil }
func (*socket) read([]byte) (int, error) { return 0, nil }
func (*socket) patient() bool            { return false }
