package lookup

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"portcullis.example/portcullis/internal/testenv"
)

func testZone() Zone {
	return Zone{
		TXT:  map[string][]string{"example.com": {"plain", "odd \xff\\007 \x00 bytes"}},
		A:    map[string][]netip.Addr{"mail.example.com": {netip.MustParseAddr("192.0.2.1")}},
		AAAA: map[string][]netip.Addr{"mail.example.com": {netip.MustParseAddr("2001:db8::1")}},
		MX:   map[string][]MX{"example.com": {{10, "mail.example.com"}, {20, "b.example.com"}}},
		PTR:  map[string][]string{"192.0.2.1": {"mail.example.com"}},
		Fail: map[string]bool{"slow.example": true},
	}
}

// askAll asks one question of each kind and returns what can be compared.
func askAll(r Resolver) []any {
	ctx := context.Background()
	var out []any
	add := func(v any, err error) {
		word := "ok"
		switch {
		case errors.Is(err, ErrNoName):
			word = "no name"
		case errors.Is(err, ErrNotFound):
			word = "not found"
		case errors.Is(err, ErrUnknown):
			word = "unknown"
		case err != nil:
			word = "temporary"
		}
		out = append(out, v, word)
	}
	txt, err := r.LookupTXT(ctx, "Example.com.")
	add(txt, err)
	txt, err = r.LookupTXT(ctx, "mail.example.com")
	add(len(txt), err)
	txt, err = r.LookupTXT(ctx, "nowhere.example")
	add(len(txt), err)
	txt, err = r.LookupTXT(ctx, "slow.example")
	add(len(txt), err)
	a, err := r.LookupA(ctx, "mail.example.com")
	add(a, err)
	a, err = r.LookupAAAA(ctx, "mail.example.com")
	add(a, err)
	mx, err := r.LookupMX(ctx, "example.com")
	add(mx, err)
	names, err := r.LookupAddr(ctx, netip.MustParseAddr("::ffff:192.0.2.1"))
	add(names, err)
	return out
}

// What was recorded, written out and read back gives the same answers, and the
// record does not depend on the order of the questions.
func TestRecordReplays(t *testing.T) {
	rec := NewRecorder(testZone())
	want := askAll(testZone())
	if got := askAll(rec); !reflect.DeepEqual(got, want) {
		t.Fatalf("recorder: got %v\nwant %v", got, want)
	}
	askAll(rec)
	encoded, err := json.Marshal(rec.Answers())
	if err != nil {
		t.Fatal(err)
	}
	var answers []Answer
	if err := json.Unmarshal(encoded, &answers); err != nil {
		t.Fatal(err)
	}
	if len(answers) != 8 {
		t.Errorf("%d answers on record, want 8: %s", len(answers), encoded)
	}
	replay := Recorded(answers)
	if got := askAll(replay); !reflect.DeepEqual(got, want) {
		t.Errorf("replay: got %v\nwant %v", got, want)
	}
	again, _ := json.Marshal(func() []Answer { r := NewRecorder(replay); askAll(r); return r.Answers() }())
	if string(again) != string(encoded) {
		t.Errorf("record of the replay differs:\n%s\n%s", again, encoded)
	}
}

func TestRecordedKnowsNothingElse(t *testing.T) {
	ctx := context.Background()
	rec := NewRecorder(Recorded(nil))
	if _, err := rec.LookupTXT(ctx, "example.com"); !errors.Is(err, ErrUnknown) {
		t.Errorf("error %v, want ErrUnknown", err)
	}
	if n := len(rec.Answers()); n != 0 {
		t.Errorf("%d answers recorded of a question nobody answered", n)
	}
}

func FuzzEscape(f *testing.F) {
	f.Add("plain")
	f.Add("a\\007\xff")
	f.Fuzz(func(t *testing.T, s string) {
		if got := unescape(escape(s)); got != s {
			t.Errorf("%q came back as %q", s, got)
		}
	})
}

// startDNS serves the test zone on the loopback interface.
func startDNS(t *testing.T) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil && testenv.CI() {
		t.Fatalf("no loopback: %v; CI needs one", err)
	}
	if err != nil {
		t.Skipf("no loopback: %v", err)
	}
	ready := make(chan struct{})
	server := &dns.Server{PacketConn: conn, Handler: dns.HandlerFunc(serve), NotifyStartedFunc: func() { close(ready) }}
	go func() { _ = server.ActivateAndServe() }()
	<-ready
	t.Cleanup(func() { _ = server.Shutdown() })
	return conn.LocalAddr().String()
}

func serve(w dns.ResponseWriter, q *dns.Msg) {
	m := new(dns.Msg)
	m.SetReply(q)
	name := strings.ToLower(q.Question[0].Name)
	add := func(rr string) {
		if r, err := dns.NewRR(rr); err == nil {
			m.Answer = append(m.Answer, r)
		}
	}
	switch name + dns.TypeToString[q.Question[0].Qtype] {
	case "example.com.TXT":
		add(`example.com. 1 TXT "pla" "in"`)
		add(`example.com. 1 TXT "odd \255\\007 \000 bytes"`)
	case "mail.example.com.A":
		add("mail.example.com. 1 A 192.0.2.1")
	case "mail.example.com.AAAA":
		add("mail.example.com. 1 AAAA 2001:db8::1")
	case "example.com.MX":
		add("example.com. 1 MX 20 b.example.com.")
		add("example.com. 1 MX 10 Mail.example.com.")
	case "1.2.0.192.in-addr.arpa.PTR":
		add("1.2.0.192.in-addr.arpa. 1 PTR mail.example.com.")
	case "nowhere.example.TXT":
		m.Rcode = dns.RcodeNameError
	case "slow.example.TXT":
		m.Rcode = dns.RcodeServerFailure
	}
	_ = w.WriteMsg(m)
}

func TestLive(t *testing.T) {
	live, err := NewLive(startDNS(t), 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := askAll(live), askAll(testZone()); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}
