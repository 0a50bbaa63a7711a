package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/mail"
	"portcullis.example/portcullis/internal/mail/message"
	"portcullis.example/portcullis/internal/mail/source"
	"portcullis.example/portcullis/internal/observable"
	"portcullis.example/portcullis/internal/pack"
)

// survey is the first reading.
type survey struct {
	check         *personalCheck
	judge         *mail.Judge
	delivered, to map[string]int            // how many messages were delivered to an address, and sent to
	names         map[string]map[string]int // what senders call it
	hits          map[portcullis.ID][]hit
	total         int64

	messages  int
	encrypted int              // of them cannot be read by anybody without a key
	problems  []source.Problem // the first ones
	waiting   []observed       // for the next batch of the sealed lists
}

// maxWhy is how many reasons are told why something could not be read.
const maxWhy = 5

// unread tells why there is nothing to look through.
func (v *survey) unread(boxes []string) error {
	for _, name := range boxes {
		if strings.EqualFold(filepath.Ext(name), ".olm") {
			return exitError{exitIncomplete, fmt.Errorf("%s is an archive of Outlook for Mac (.olm), which cannot be read here. Drag the folder from the list in Outlook to the desktop, which makes an .mbox of it, or fetch the mailbox with Thunderbird or Apple Mail; then choose that", filepath.Base(name))}
		}
	}
	if len(v.problems) == 0 {
		return exitError{exitIncomplete, errors.New("there is no message in it; choose the export of your mailbox, or the folder that holds it")}
	}
	var why []string
	for _, p := range v.problems[:min(len(v.problems), 2)] { // the others follow from the first
		why = append(why, toOne(p))
	}
	return exitError{exitIncomplete, fmt.Errorf("nothing of it could be read: %s", strings.Join(why, "; "))}
}

// toOne is a problem in the words for one person: where in the file it begins says something to those who repair files.
func toOne(p source.Problem) string {
	if p.Offset == 0 {
		return strings.TrimSuffix(fmt.Sprintf("%s: %v: %s", p.Source, p.Err, p.Remedy), ": ")
	}
	return p.Error()
}

// closed tells whether what a message says is encrypted (OpenPGP, RFC 3156 and 9580; S/MIME, RFC 8551 §3), so that
// nobody without its key can look through it.
func closed(m *message.Message) bool {
	for _, p := range m.Parts {
		switch p.MediaType {
		case "multipart/encrypted":
			return true
		case "application/pkcs7-mime", "application/x-pkcs7-mime":
			return !strings.EqualFold(p.Params["smime-type"], "signed-data") && !strings.EqualFold(p.Params["smime-type"], "certs-only")
		}
	}
	return strings.Contains(m.PlainText(), "-----BEGIN PGP MESSAGE-----")
}

// hit is a value of a message that a sealed list holds.
type hit struct {
	pack.Match
	from *pack.Pack
}

// observed is a value that a message holds.
type observed struct {
	event portcullis.ID
	value portcullis.Observable
}

const (
	maxKnown    = 100_000 // addresses that are counted
	surveyBatch = 4096    // values that are tested at a time
	maxOwn      = 4       // addresses of the person
)

func (v *survey) read(ctx context.Context, boxes []string) (err error) {
	if v.judge, err = newBareJudge(v.check.cfg); err != nil {
		return err
	}
	v.total, _ = source.Size(boxes)
	cfg := source.Config{Nested: true, TempDir: v.check.unpacked, Progress: func(read int64) { v.check.told("reading", read/2, v.total) }}
	err = source.Walk(ctx, boxes, cfg, func(item source.Item) error { return v.take(ctx, item) }, v.problem)
	if err == nil {
		err = v.test(ctx)
	}
	return err
}

// problem keeps the first ones; where there is something to judge, judging reads the same and tells all.
func (v *survey) problem(p source.Problem) {
	if len(v.problems) < maxWhy {
		v.problems = append(v.problems, p)
	}
}

// newBareJudge only takes messages apart.
func newBareJudge(cfg Config) (*mail.Judge, error) {
	who, err := loadPeople("")
	if err != nil {
		return nil, err
	}
	return mail.NewJudge(who.dir, cfg.Mail, nil), nil
}

func (v *survey) take(ctx context.Context, item source.Item) error {
	m := message.Parse(item.Raw, message.DefaultLimits())
	v.count(m)
	v.messages++
	if closed(m) {
		v.encrypted++
	}
	if len(v.check.packs) == 0 {
		return ctx.Err()
	}
	event := portcullis.NewID("event", "mail", m.Digest())
	entries, _ := observe(v.judge.NewInput(m, &mail.Facts{Schema: 1, Event: string(event)}), m.Received())
	for _, e := range entries {
		v.waiting = append(v.waiting, observed{event, e.Observable})
	}
	if len(v.waiting) < surveyBatch {
		return ctx.Err()
	}
	return v.test(ctx)
}

// count learns whose mail it is: mail servers note to whom they delivered, senders to whom they wrote.
func (v *survey) count(m *message.Message) {
	add := func(counts map[string]int, fields ...string) {
		seen := map[string]bool{}
		for _, field := range fields {
			for _, a := range m.Header.Addresses(field) {
				canon, err := observable.Email(a.Addr)
				if err != nil || seen[canon] || len(counts) >= maxKnown && counts[canon] == 0 {
					continue
				}
				seen[canon] = true
				counts[canon]++
				v.called(canon, a.Name)
			}
		}
	}
	add(v.delivered, "Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To")
	add(v.to, "To")
}

func (v *survey) called(canon, name string) {
	if name == "" || len(name) > 80 || strings.Contains(name, "@") {
		return
	}
	of := v.names[canon]
	if of == nil {
		of = map[string]int{}
		v.names[canon] = of
	}
	if len(of) < 10 || of[name] > 0 {
		of[name]++
	}
}

// test holds what is waiting against the sealed lists.
func (v *survey) test(ctx context.Context) error {
	list := make([]portcullis.Observable, len(v.waiting))
	for i, w := range v.waiting {
		list[i] = w.value
	}
	for n, t := range v.check.packs {
		matches, err := t.TestAll(ctx, list)
		if err != nil {
			return err
		}
		for i, found := range matches {
			for _, m := range found {
				event := v.waiting[i].event
				v.hits[event] = append(v.hits[event], hit{m, v.check.headers[n]})
			}
		}
	}
	v.waiting = v.waiting[:0]
	return ctx.Err()
}

// indicators are the values that the sealed lists turned out to hold, so that judging says
// where in a message they stand.
func (v *survey) indicators() (list []portcullis.Indicator) {
	seen := map[portcullis.Observable]bool{}
	for _, event := range slices.Sorted(maps.Keys(v.hits)) {
		for _, m := range v.hits[event] {
			if !seen[m.Pattern] {
				seen[m.Pattern] = true
				list = append(list, m.Indicator(m.from))
			}
		}
	}
	return list
}

// likely are the owner's addresses, the most used first: those to which mail was delivered, at least one message
// in twenty; where no server noted that, those to which it was sent, at least one in four, for colleagues and lists
// stand there too.
func (v *survey) likely() []string {
	if list := frequent(v.delivered, 20); len(list) > 0 {
		return list
	}
	return frequent(v.to, 4)
}

func frequent(counts map[string]int, share int) (list []string) {
	most := 0
	for _, n := range counts {
		most = max(most, n)
	}
	for address, n := range counts {
		if n*share >= most {
			list = append(list, address)
		}
	}
	slices.SortFunc(list, func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
	return list[:min(len(list), maxOwn)]
}

// name is what most people call the owner of the addresses.
func (v *survey) name(addresses []string) (name string) {
	best := 0
	for _, address := range addresses {
		for n, times := range v.names[address] {
			if times > best || times == best && n < name {
				name, best = n, times
			}
		}
	}
	return name
}
