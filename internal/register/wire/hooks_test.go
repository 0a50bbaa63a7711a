//go:build unix

package wire

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// closing is a session that lets no value out beside the rows.
type closing struct {
	scriptedSession
	changed []string
}

func (c *closing) Begin(_ context.Context, who Start) (Session, error) { return c, nil }
func (c *closing) Changed(name, value string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changed = append(c.changed, name+"="+value)
}
func (c *closing) Report(name, value string) (string, bool) {
	if name == "application_name" {
		return "hidden", true
	}
	return value, name != "TimeZone"
}
func (c *closing) Notification(_ uint32, channel, payload string) (string, bool) {
	return "", channel == "open"
}

func TestReportsAndNotifications(t *testing.T) {
	postgres(t)
	c := &closing{scriptedSession: scriptedSession{scripted: &scripted{budget: -1}}}
	conf, err := pgx.ParseConfig("postgres://postgres@" + gateway(t, c, nil) + "/postgres?sslmode=disable")
	must(t, err)
	var heard []string
	conf.OnNotification = func(_ *pgconn.PgConn, n *pgconn.Notification) { heard = append(heard, n.Channel+":"+n.Payload) }
	conn, err := pgx.ConnectConfig(t.Context(), conf)
	must(t, err)
	defer conn.Close(t.Context())
	zone := conn.PgConn().ParameterStatus("TimeZone")
	for _, text := range []string{"set application_name = 'Name 5'", "set timezone = 'Asia/Tokyo'", "listen open", "listen other", "select pg_notify('open', 'Name 5'), pg_notify('other', 'x')", "select 1"} {
		_, err := conn.Exec(t.Context(), text)
		must(t, err)
	}
	if got := conn.PgConn().ParameterStatus("application_name"); got != "hidden" {
		t.Errorf("application_name %q", got)
	}
	if got := conn.PgConn().ParameterStatus("TimeZone"); got != zone {
		t.Errorf("TimeZone %q", got)
	}
	if got := strings.Join(heard, ","); got != "open:" {
		t.Errorf("notifications %q", got)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if got := strings.Join(c.changed, ","); got != "application_name=Name 5,TimeZone=Asia/Tokyo" {
		t.Errorf("changed %s", got)
	}
}

// TestBinder: parameters are judged too, and refused in their turn.
func TestBinder(t *testing.T) {
	postgres(t)
	g := &scripted{budget: -1, decide: metered, binding: func(_ *Decision, p Parameters) error {
		for i := range p.Len() {
			if v, binary := p.Value(i); !binary && string(v) == "%" {
				return &Refusal{Message: "the pattern matches everybody"}
			}
		}
		return nil
	}}
	conn := connect(t, gateway(t, g, nil), "")
	for range 2 {
		_, err := conn.Exec(t.Context(), "select id from voter where name like $1", "%")
		if code(err) != "42501" {
			t.Errorf("got %v", err)
		}
		_, err = conn.Exec(t.Context(), "select id from voter where name like $1", "Name 77")
		must(t, err)
	}
	if got := strings.Join(g.seen(), ","); got != "77,77" {
		t.Errorf("keys %s", got)
	}
}
