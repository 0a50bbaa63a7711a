//go:build unix

package wire

import (
	"encoding/binary"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
)

// conversation speaks frames with a gateway after the login.
type conversation struct {
	t    *testing.T
	conn net.Conn
	in   *inbound
}

func begin(t *testing.T, address string) *conversation {
	t.Helper()
	conn := dialRaw(t, address, startPacket(major<<16, "user", "postgres", "database", "postgres"))
	c := &conversation{t, conn, newInbound(conn, newBuffers())}
	for {
		kind, frame, err := readFrame(c.in, maxLogin)
		must(t, err)
		if kind == 'E' {
			t.Fatalf("login: %q", frame)
		}
		if kind == 'Z' {
			return c
		}
	}
}

func (c *conversation) say(frames ...[]byte) {
	var all []byte
	for _, f := range frames {
		all = append(all, f...)
	}
	_, err := c.conn.Write(all)
	must(c.t, err)
}

// expect reads as many ReadyForQuery as want has; want are the types of the
// messages, with a space after each Z but the last. The last error has code.
func (c *conversation) expect(t *testing.T, want, code string) {
	t.Helper()
	var got []string
	var last string
	for range strings.Count(want, "Z") {
		var kinds []byte
		for len(kinds) == 0 || kinds[len(kinds)-1] != 'Z' {
			kind, frame, err := readFrame(c.in, maxLogin)
			if err != nil {
				t.Fatalf("after %q %q: %v", got, kinds, err)
			}
			if kind == 'E' {
				f, err := parseFields(kind, frame[headSize:])
				must(t, err)
				last = f.Get('C')
			}
			if kind != 'S' && kind != 'N' {
				kinds = append(kinds, kind)
			}
		}
		got = append(got, string(kinds))
	}
	if s := strings.Join(got, " "); s != want || last != code {
		t.Errorf("got %s (%s), want %s (%s)", s, last, want, code)
	}
}

func frameOf(kind byte, body string) []byte {
	return message(nil, kind, func(b []byte) []byte { return append(b, body...) })
}

func queryFrame(text string) []byte       { return frameOf('Q', text+"\x00") }
func syncFrame() []byte                   { return frameOf('S', "") }
func parseFrame(name, text string) []byte { return frameOf('P', name+"\x00"+text+"\x00\x00\x00") }
func bindFrame(portal, source string) []byte {
	return frameOf('B', portal+"\x00"+source+"\x00\x00\x00\x00\x00\x00\x00")
}
func closeFrame(what byte, name string) []byte { return frameOf('C', string(what)+name+"\x00") }
func executeFrame(portal string, limit uint32) []byte {
	return frameOf('E', portal+"\x00"+string(binary.BigEndian.AppendUint32(nil, limit)))
}

func discard() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }
