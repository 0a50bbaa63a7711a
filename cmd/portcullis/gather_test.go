package main

import (
	"testing"
	"time"

	"portcullis.example/portcullis/internal/mail"
	"portcullis.example/portcullis/internal/mail/authn"
	"portcullis.example/portcullis/internal/mail/message"
	"portcullis.example/portcullis/internal/mail/records"
	"portcullis.example/portcullis/internal/mail/source"
)

const (
	fromOutside = "Received: from evil.example (evil.example [198.51.100.7]) by mx.house.example; Mon, 02 Mar 2026 09:00:00 +0000\r\n"
	within2     = "Received: from mx.house.example (mx.house.example [10.0.0.2]) by store.house.example; Mon, 02 Mar 2026 09:00:05 +0000\r\n"
	forged      = "Received: from good.example (good.example [192.0.2.9]) by mx.house.example; Thu, 01 Jan 1970 00:00:10 +0000\r\n"
	namedLikeUs = "Received: from mx.house.example (evil.example [198.51.100.7]) by mx.house.example; Mon, 02 Mar 2026 09:00:00 +0000\r\n"
	elsewhere   = "Received: from a.example ([203.0.113.1]) by mx.elsewhere.example; Mon, 02 Mar 2026 09:00:00 +0000\r\n"
)

// TestTrustedHop: what stands below the field of the server that took the mail
// in is the sender's, whatever it says.
func TestTrustedHop(t *testing.T) {
	g := &gatherer{cfg: mail.Config{TrustedRelays: []string{"house.example"}}}
	for name, c := range map[string]struct {
		fields  string
		ip      string // "" if it is not known
		trusted bool
		seconds int // after nine
	}{
		"one hop":                       {fromOutside, "198.51.100.7", true, 0},
		"two hops":                      {within2 + fromOutside, "198.51.100.7", true, 5},
		"forged below":                  {fromOutside + forged, "198.51.100.7", true, 0},
		"forged below two":              {within2 + fromOutside + forged, "198.51.100.7", true, 5},
		"calls itself one of ours":      {namedLikeUs, "198.51.100.7", true, 0},
		"calls itself ours, and forges": {namedLikeUs + forged, "", true, 0},
		"nobody of ours":                {elsewhere + forged, "", false, 0},
	} {
		m := message.Parse([]byte(c.fields+"From: a@b.example\r\nDate: Mon, 02 Mar 2026 09:00:00 +0000\r\n\r\nx\r\n"), message.DefaultLimits())
		hop, ok := g.trustedHop(m.Received())
		if ok != c.trusted {
			t.Errorf("%s: trusted %v, want %v", name, ok, c.trusted)
		}
		if got := hop.FromIP; c.ip == "" && got.IsValid() || c.ip != "" && got.String() != c.ip {
			t.Errorf("%s: client %v, want %q", name, got, c.ip)
		}
		at, known := g.when(&arrived{m: m, received: m.Received()})
		want := time.Date(2026, 3, 2, 9, 0, c.seconds, 0, time.UTC)
		if known != c.trusted || !at.Equal(want) {
			t.Errorf("%s: at %v (trusted: %v), want %v", name, at, known, want)
		}
	}
}

// TestAttachedIsNotBelieved: whoever attaches a message wrote all of it, the fields of the house's servers too.
func TestAttachedIsNotBelieved(t *testing.T) {
	who, err := loadPeople("../../examples/people.toml")
	if err != nil {
		t.Fatal(err)
	}
	g := &gatherer{cfg: mail.Config{TrustedRelays: []string{"house.example"}, TrustedAuthserv: []string{"mx.house.example"}}, dir: who.dir}
	m := message.Parse([]byte(within2+fromOutside+"Delivered-To: anna.keller@parliament.example\r\nAuthentication-Results: mx.house.example; dkim=pass header.d=b.example\r\n"+
		"From: a@b.example\r\nTo: thomas.wright@parliament.example\r\nDate: Mon, 02 Mar 2026 09:00:00 +0000\r\n\r\nx\r\n"), message.DefaultLimits())
	for nested, want := range map[string]struct {
		believed bool
		to       string
	}{"": {true, "anna.keller@parliament.example"}, "2": {false, "thomas.wright@parliament.example"}} {
		a := &arrived{m: m, received: m.Received(), item: source.Item{Nested: nested}, facts: &mail.Facts{}}
		if _, known := g.when(a); known != want.believed {
			t.Errorf("part %q: the time is believed: %v", nested, known)
		}
		g.authenticate(t.Context(), a)
		if (len(a.facts.Trusted) > 0) != want.believed {
			t.Errorf("part %q: what a server said is believed: %v", nested, a.facts.Trusted)
		}
		if list := g.recipientsOf(a); len(list) != 1 || list[0].Address != want.to {
			t.Errorf("part %q: recipients %+v, want %s", nested, list, want.to)
		}
		if learnt := len(g.contacts(a, records.Ask{Sender: "s"})) > 0; learnt != want.believed {
			t.Errorf("part %q: contacts are learnt: %v", nested, learnt)
		}
	}
}

// TestDomainsOnly: facts are kept of every message, so they hold no local part.
func TestDomainsOnly(t *testing.T) {
	f := &mail.Facts{
		Authn: authn.Results{DKIM: []authn.DKIMResult{{Identity: `"a b"@x.example`, Reason: `i="who+tag@x.example" is not of d=y`}}},
		Trusted: []authn.AuthResult{{
			Comment:    "domain of who@x.example designates 192.0.2.1",
			Properties: []authn.Property{{Type: "smtp", Name: "mailfrom", Value: "SRS0=h=t=d=who@x.example"}, {Type: "header", Name: "d", Value: "x.example"}},
		}},
	}
	domainsOnly(f)
	for got, want := range map[string]string{
		f.Authn.DKIM[0].Identity:         "@x.example",
		f.Authn.DKIM[0].Reason:           `i="@x.example" is not of d=y`,
		f.Trusted[0].Comment:             "domain of @x.example designates 192.0.2.1",
		f.Trusted[0].Properties[0].Value: "@x.example",
		f.Trusted[0].Properties[1].Value: "x.example",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
