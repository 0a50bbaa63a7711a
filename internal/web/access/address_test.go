package access

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"
)

func TestRates(t *testing.T) {
	now := time.Now()
	r := newRates(1, 3)
	r.most = 4
	count := func(key string) (n int) {
		for range 10 {
			if r.allow(key, now) {
				n++
			}
		}
		return n
	}
	if count("a") != 3 || count("b") != 3 || count("a") != 0 || !r.spent("a", now) {
		t.Error("the limit is not kept per key")
	}
	count("c")
	count("d")
	if count("e") != 3 || count("f") != 0 || len(r.known) != 4 || count("a") != 0 {
		t.Error("newcomers beyond the limit do not share one, or push others out")
	}
	now = now.Add(time.Minute)
	if count("g") != 3 || len(r.known) > 4 {
		t.Error("those that have been quiet are not forgotten")
	}
	if rateKey(netip.MustParseAddr("2001:db8::1")) != rateKey(netip.MustParseAddr("2001:db8::2:1")) || rateKey(netip.MustParseAddr("192.0.2.1")) == rateKey(netip.MustParseAddr("192.0.2.2")) {
		t.Error("addresses are put together wrongly")
	}
}

func TestClientAddress(t *testing.T) {
	trusted, err := parseProxies([]string{"192.0.2.0/24", "2001:db8::1"})
	must(t, err)
	for _, c := range []struct{ peer, header, want string }{
		{"198.51.100.1:5", "", "198.51.100.1"},
		{"198.51.100.1:5", "203.0.113.9", "198.51.100.1"}, // not trusted: ignored
		{"192.0.2.7:5", "203.0.113.9", "203.0.113.9"},
		{"192.0.2.7:5", "10.0.0.1, 203.0.113.9, 192.0.2.8", "203.0.113.9"}, // the left one is forged
		{"192.0.2.7:5", "rubbish", "192.0.2.7"},
		{"192.0.2.7:5", "203.0.113.9, rubbish", "192.0.2.7"},
		{"192.0.2.7:5", "203.0.113.9:4711", "203.0.113.9"},
		{"[2001:db8::1]:5", "[2001:db8:1::5]:99", "2001:db8:1::5"},
		{"[::ffff:192.0.2.7]:5", "::ffff:203.0.113.9", "203.0.113.9"},
		{"192.0.2.7:5", "192.0.2.9", "192.0.2.9"},
		{"nonsense", "203.0.113.9", "invalid IP"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = c.peer
		if c.header != "" {
			r.Header.Set("X-Forwarded-For", c.header)
		}
		if got := clientAddress(r, trusted).String(); got != c.want {
			t.Errorf("%s with %q: got %s, want %s", c.peer, c.header, got, c.want)
		}
	}
	if _, err := parseProxies([]string{"proxy.example"}); err == nil {
		t.Error("a name is taken for an address")
	}
}

func FuzzClientAddress(f *testing.F) {
	trusted, err := parseProxies([]string{"192.0.2.0/24"})
	must(f, err)
	f.Add("192.0.2.1:1", "203.0.113.1, 192.0.2.3")
	f.Add("203.0.113.1:1", "x")
	f.Fuzz(func(t *testing.T, peer, header string) {
		r := &http.Request{RemoteAddr: peer, Header: http.Header{"X-Forwarded-For": {header}}}
		got := clientAddress(r, trusted)
		own, err := netip.ParseAddrPort(peer)
		if err == nil && !isTrusted(own.Addr().Unmap().WithZone(""), trusted) && got != own.Addr().Unmap().WithZone("") {
			t.Errorf("%s is not trusted and says it is %s", peer, got)
		}
	})
}
