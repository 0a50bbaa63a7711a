package mail

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/mail/message"
	"portcullis.example/portcullis/internal/people"
)

const traitPeople = `
[[person]]
name = "Anna Keller"
addresses = ["anna.keller@parliament.example", "anna@home.example"]

[[organisation]]
name = "Parliament"
own = true
domains = ["parliament.example"]

[[outlet]]
name = "The Paper"
domains = ["paper.example"]
`

func traitsOf(t testing.TB, raw string) Traits {
	t.Helper()
	dir, _, err := people.Parse("people.toml", strings.NewReader(traitPeople))
	if err != nil {
		t.Fatal(err)
	}
	j := NewJudge(dir, DefaultConfig(), nil)
	m := message.Parse([]byte(strings.ReplaceAll(raw, "\n", "\r\n")), message.DefaultLimits())
	return NewTraits(j.NewInput(m, &Facts{Event: "event:x", Time: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)}))
}

func (t Traits) list(kind string) (values []string) {
	for _, f := range t.Features {
		if f.Kind == kind {
			values = append(values, string(f.Observable.Type)+":"+f.Observable.Value)
		}
	}
	return values
}

const lureText = "The committee will look at the side letters to the port contract on Tuesday and we publish tomorrow what they say about members of your parliament so those who are named may read the passages first"

const lureMail = `Return-Path: <bounce-77@mailer.example>
Received: from out3.mailer.example (out3.mailer.example [198.51.100.7])
	by mx.parliament.example; Tue, 4 Mar 2025 09:00:00 +0000
Received: from [10.0.0.5] by out3.mailer.example; Tue, 4 Mar 2025 08:59:59 +0000
DKIM-Signature: v=1; a=rsa-sha256; d=mailer.example; s=k; h=from; bh=x; b=y
From: "Dr. Peter  Lang" <Peter.Lang@press-desk.example>
Reply-To: answers@elsewhere.example
To: anna.keller@parliament.example
Subject: Re: The port contract
Message-ID: <1@host9.press-desk.example>
X-Mailer: Courier 9.1
Content-Type: text/html

<html><body><div class="a"><h1>Port</h1><p>Dear %s, ` + lureText + `.</p>
<p><a href="https://www.read-more.example/story/port-side-letters-and-more?r=%s">Read</a> <a href="https://paper.example/x">The Paper</a> <a href="https://parliament.example/y">Yours</a></p>
<img src="https://t.read-more.example/open/%s.gif" width="1" height="1"><form action="https://collect.example/in"><input name="p"></form></div></body></html>
`

func TestTraits(t *testing.T) {
	got := traitsOf(t, fmt.Sprintf(lureMail, "Ms Keller", "7f3a91bc", "7f3a91bc"))
	for kind, want := range map[string][]string{
		TraitSender:    {"email:peter.lang@press-desk.example", "domain:press-desk.example"},
		TraitReplyTo:   {"email:answers@elsewhere.example", "domain:elsewhere.example"},
		TraitEnvelope:  {"domain:mailer.example"},
		TraitSignature: {"domain:mailer.example"},
		TraitReceived:  {"ip:198.51.100.7"},
		TraitOrigin:    {"domain:host9.press-desk.example"},
		TraitRemote:    {"domain:t.read-more.example"},
		TraitLink:      {"domain:www.read-more.example"},
		TraitForm:      {"domain:collect.example"},
		TraitZone:      {"domain:press-desk.example", "domain:read-more.example"},
		TraitName:      {"name:dr. peter lang"},
		TraitSubject:   {"subject:the port contract"},
		TraitPath:      {"path:/open/#", "path:/story/#?r"},
		TraitTool:      {"tool:Courier 9.1"},
		TraitURL:       {"url:https://t.read-more.example/open/7f3a91bc.gif", "url:https://www.read-more.example/story/port-side-letters-and-more?r=7f3a91bc"},
	} {
		if values := got.list(kind); !slices.Equal(values, want) {
			t.Errorf("%s: %q, want %q", kind, values, want)
		}
	}
	if got.Echo || got.Words < 30 || len(got.Text) != textRows || len(got.Structure) != structureRows {
		t.Errorf("echo %v, %d words, signatures of %d and %d", got.Echo, got.Words, len(got.Text), len(got.Structure))
	}
	copied := traitsOf(t, fmt.Sprintf(lureMail, "Mr Wright", "00c1d2e3", "00c1d2e3"))
	if same := sameRows(got.Text, copied.Text); same < .8 {
		t.Errorf("two copies are %.2f alike", same)
	}
	if same := sameRows(got.Structure, copied.Structure); same != 1 {
		t.Errorf("the structure of two copies is %.2f alike", same)
	}
	other := traitsOf(t, strings.ReplaceAll(fmt.Sprintf(lureMail, "Ms Keller", "1", "2"), lureText, "quite another text about the opening hours of the swimming pool in the old town that the council has changed again for the third time this year without asking anybody who swims"))
	if same := sameRows(got.Text, other.Text); same > .3 {
		t.Errorf("two texts are %.2f alike", same)
	}
}

func sameRows(a, b []uint32) float64 {
	same := 0
	for i := range a {
		if len(a) == len(b) && a[i] == b[i] {
			same++
		}
	}
	return float64(same) / float64(max(1, len(a)))
}

const forwardedMail = `From: Anna Keller <%s>
To: security@parliament.example
Subject: Fwd: The port contract
Message-ID: <2@parliament.example>
X-Mailer: House Mail
Content-Type: text/plain

Is this genuine?

---------- Forwarded message ----------
From: Peter Lang <peter.lang@press-desk.example>
Date: Tue, 4 Mar 2025
Subject: The port contract

Dear Ms Keller, ` + lureText + ` https://www.read-more.example/story
`

// TestTraitsOfEchoes: what somebody of the house passes on is an echo and shows the sender of what it repeats, not
// the forwarder; what a stranger calls a forward is none.
func TestTraitsOfEchoes(t *testing.T) {
	original := traitsOf(t, fmt.Sprintf(lureMail, "Ms Keller", "1", "2"))
	for _, from := range []string{"anna.keller@parliament.example", "anna@home.example", "reports@parliament.example"} {
		got := traitsOf(t, fmt.Sprintf(forwardedMail, from))
		if !got.Echo {
			t.Errorf("%s: no echo", from)
		}
		if want := []string{"email:peter.lang@press-desk.example", "domain:press-desk.example"}; !slices.Equal(got.list(TraitSender), want) {
			t.Errorf("%s: senders %q", from, got.list(TraitSender))
		}
		if len(got.list(TraitName))+len(got.list(TraitTool))+len(got.list(TraitOrigin)) > 0 {
			t.Errorf("%s: the forwarder's own traits are taken: %v", from, got.Features)
		}
		if same := sameRows(original.Text, got.Text); same < .6 {
			t.Errorf("%s: %.2f like the original", from, same)
		}
	}
	if got := traitsOf(t, fmt.Sprintf(forwardedMail, "stranger@press-desk.example")); got.Echo {
		t.Error("a stranger's forward is taken for an echo")
	}
	letter := strings.Replace(fmt.Sprintf(forwardedMail, "anna.keller@parliament.example"), "---------- Forwarded message ----------", "I write this myself.", 1)
	letter = strings.Replace(letter, "Date:", "On:", 1)
	if got := traitsOf(t, letter); got.Echo {
		t.Error("a letter of the house's own is taken for an echo")
	}
}

func TestPathShapes(t *testing.T) {
	for url, want := range map[string]string{
		"https://x.example/":                        "",
		"https://x.example/login":                   "",
		"https://x.example/track/a81f03/open.gif":   "/track/#/open.gif",
		"https://x.example/p?id=7&u=8&utm_source=z": "",
		"https://x.example/pixel/?id=7&u=8":         "/pixel?id&u",
		"https://x.example/2025/03/":                "",
	} {
		got := traitsOf(t, "From: a@b.example\nSubject: x\n\n"+url+"\n").list(TraitPath)
		if strings.TrimPrefix(strings.Join(got, " "), "path:") != want {
			t.Errorf("%s has the shape %q, want %q", url, got, want)
		}
	}
}

func FuzzTraits(f *testing.F) {
	f.Add(fmt.Sprintf(lureMail, "Ms Keller", "1", "2"))
	f.Add(fmt.Sprintf(forwardedMail, "anna@home.example"))
	dir, _, err := people.Parse("people.toml", strings.NewReader(traitPeople))
	if err != nil {
		f.Fatal(err)
	}
	j := NewJudge(dir, DefaultConfig(), nil)
	f.Fuzz(func(t *testing.T, raw string) {
		got := NewTraits(j.NewInput(message.Parse([]byte(raw), message.DefaultLimits()), &Facts{}))
		if len(got.Features) > 400 {
			t.Errorf("%d features", len(got.Features))
		}
		seen := map[Trait]bool{}
		for _, f := range got.Features {
			if f.Observable.Value == "" || seen[f] {
				t.Errorf("%+v is empty or there twice", f)
			}
			seen[f] = true
			if f.Kind == TraitLink && f.Observable.Type != portcullis.TypeDomain && f.Observable.Type != portcullis.TypeIP {
				t.Errorf("a link to %+v", f)
			}
		}
	})
}

func BenchmarkTraits(b *testing.B) {
	dir, _, err := people.Parse("people.toml", strings.NewReader(traitPeople))
	if err != nil {
		b.Fatal(err)
	}
	j := NewJudge(dir, DefaultConfig(), nil)
	raw := []byte(fmt.Sprintf(lureMail, "Ms Keller", "1", "2"))
	in := j.NewInput(message.Parse(raw, message.DefaultLimits()), &Facts{})
	for b.Loop() {
		NewTraits(in)
	}
}
