package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/archive"
	"portcullis.example/portcullis/internal/mail"
	"portcullis.example/portcullis/internal/mail/message"
	"portcullis.example/portcullis/internal/mail/records"
	"portcullis.example/portcullis/internal/mail/source"
	"portcullis.example/portcullis/internal/observable"
	"portcullis.example/portcullis/internal/pack"
	"portcullis.example/portcullis/internal/people"
	"portcullis.example/portcullis/internal/response"
)

type checkMeCommand struct {
	Mail    []string `arg:"" optional:"" name:"MAILBOX" help:"Exports of your mail: .pst, .ost, .mbox, .emlx, .msg, .eml, folders and archives of them. Without any, a page opens on which you choose." type:"path"`
	Pack    []string `help:"Sealed list that somebody gave you to look for." placeholder:"FILE" type:"path"`
	Issuer  []string `help:"Key of who gave it to you, as they told you: name+hash+key, or a file with it." placeholder:"KEY"`
	Address []string `help:"Your own addresses. Default: those that most of the mail was sent to." placeholder:"ADDRESS"`
	Call    string   `help:"Whom to call, printed at the end." placeholder:"TEXT"`
	Page    string   `help:"Write the answer as a web page to this file too, to be printed or kept." placeholder:"FILE" type:"path"`
	NoOpen  bool     `help:"Do not open the page in a browser; print its address."`
}

// Help teaches what the one-line help cannot.
func (checkMeCommand) Help() string {
	return `For one person with an export of an own mailbox and nobody to help: which mails were made to learn something about you, when they came, what they could have learnt, what to do, whom to call.

It opens no connection to anywhere, and keeps nothing: what it notes while it reads lies in a temporary folder that only you can open and that is removed at the end. Where it was killed, the next start removes it.

Without a mailbox it opens a page in your browser, served on this computer alone. The same happens when the program, renamed to portcullis-check-me, is started by double-click.

Examples:
  portcullis check-me ~/Downloads/takeout.zip
  portcullis check-me --pack hunt.pack --issuer 'cert.example+1a2b3c4d+AbCd…' backup.pst`
}

// Run checks the mailboxes, or serves the page.
func (c *checkMeCommand) Run(ctx context.Context, std stdio, g *Globals) error {
	cfg, err := loadConfig(g)
	if err != nil {
		return exitError{exitIncomplete, err}
	}
	if len(c.Mail) == 0 {
		return servePersonalCheck(ctx, std, cfg, c)
	}
	check, err := c.check(cfg)
	if err != nil {
		return exitError{exitIncomplete, err}
	}
	m := newMeter(std.err, 0)
	check.told = func(stage string, read, total int64) { m.total = total; m.bytes(read) }
	m.start("reading")
	answer, err := check.run(ctx, c.Mail)
	m.stop()
	if err != nil {
		return err
	}
	if c.Page != "" {
		if err := answer.save(c.Page); err != nil {
			return err
		}
	}
	for line := range strings.Lines(answer.page.Text()) {
		fmt.Fprintln(std.out, printable(strings.TrimRight(line, "\n")))
	}
	for _, p := range answer.problems {
		fmt.Fprintln(std.err, "not read:", printable(p.Error()))
	}
	if len(answer.problems) > 0 {
		return exitError{exitIncomplete, nil}
	}
	return nil
}

func (c *checkMeCommand) check(cfg Config) (*personalCheck, error) {
	k := &personalCheck{cfg: cfg, addresses: c.Address, call: c.Call, told: func(string, int64, int64) {}}
	for _, name := range c.Pack {
		raw, err := readPackFile(name)
		if err != nil {
			return nil, fmt.Errorf("sealed list: %w", err)
		}
		if err := k.addPack(name, raw, c.Issuer); err != nil {
			return nil, err
		}
	}
	return k, nil
}

// personalCheck looks through one person's own mailbox, and forgets it.
type personalCheck struct {
	cfg       Config
	packs     []*pack.Tester
	headers   []*pack.Pack
	addresses []string
	call      string
	told      func(stage string, read, total int64)
	unpacked  string // folder for what has to be unpacked to be read
}

// addPack takes a sealed list of an issuer whom the person was told to trust. Without a key
// the list says itself who made it, which anybody could have written.
func (k *personalCheck) addPack(name string, raw []byte, issuers []string) error {
	var rings []note.Verifiers
	for _, issuer := range issuers {
		ring, err := keyring(issuer)
		if err != nil {
			return fmt.Errorf("the key of the issuer: %w", err)
		}
		rings = append(rings, ring)
	}
	p, err := pack.Read(strings.NewReader(string(raw)), pack.AnyOf(rings...), time.Now())
	if unknown, ok := errors.AsType[*pack.UnknownKeyError](err); ok {
		err = fmt.Errorf("it is signed with the key %s, and nobody vouches for that one. Whoever gave you the list has to tell you their key, by another way than the list (telephone, a visit). Give that key too: on the page in the field below the list, on the command line with --issuer", unknown.Key)
		if len(issuers) > 0 {
			err = fmt.Errorf("it is signed with the key %s, which is not the key that you were told. Do not use it; ask whoever gave it to you", unknown.Key)
		}
	}
	if err != nil {
		return fmt.Errorf("sealed list %s: %w", filepath.Base(name), err)
	}
	k.packs, k.headers = append(k.packs, pack.NewTester(p, 0)), append(k.headers, p)
	return nil
}

// checked is the answer.
type checked struct {
	page     response.Document
	found    int
	problems []source.Problem
}

func (a *checked) save(path string) error {
	body, err := a.page.HTML()
	if err != nil {
		return err
	}
	if err := os.WriteFile(path, body, 0o600); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	return nil
}

// run reads the mail twice: once to learn whose it is and what of it the sealed lists hold,
// once to judge it.
func (k *personalCheck) run(ctx context.Context, boxes []string) (_ *checked, err error) {
	sweepChecks(os.TempDir())
	first := &survey{check: k, delivered: map[string]int{}, to: map[string]int{}, names: map[string]map[string]int{}, hits: map[portcullis.ID][]hit{}}
	cfg := k.cfg
	cfg.Data, cfg.Database, cfg.DatabaseFile, cfg.KeyFile, cfg.Keep = "", "", "", "", "findings"
	if cfg.Data, err = os.MkdirTemp("", checkFolder()); err != nil {
		return nil, fmt.Errorf("make a temporary folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(cfg.Data)) }()
	k.unpacked = cfg.Data
	if err := first.read(ctx, boxes); err != nil {
		return nil, err
	}
	who, err := k.person(first)
	if err != nil {
		return nil, err
	}
	cfg.KeyFile = cfg.Data + ".key" // not beside what it opens, and gone with it
	defer func() { _ = os.Remove(cfg.KeyFile) }()
	a, err := openApp(ctx, cfg, false, false)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, a.close()) }()
	return k.judge(ctx, a, who, boxes, first)
}

// judge scans into the temporary store and makes the page.
func (k *personalCheck) judge(ctx context.Context, a *app, who protected, boxes []string, first *survey) (*checked, error) {
	scan := scanCommand{Mail: boxes, Quiet: true}
	s, err := scan.scanner(ctx, a, who, stdio{strings.NewReader(""), io.Discard, io.Discard})
	if err != nil {
		return nil, err
	}
	s.gatherer.matcher.Store(archive.NewMatcher(first.indicators()))
	quit := k.follow(s.meter, first.total)
	s.meter.start("judging")
	err = s.scan(ctx, boxes, source.Config{Nested: true, TempDir: k.unpacked})
	s.meter.stop()
	quit()
	if err == nil {
		err = s.settle(ctx)
	}
	if err != nil {
		return nil, err
	}
	return k.tell(ctx, a, who, s.report, first)
}

// follow passes on how far judging is.
func (k *personalCheck) follow(m *meter, total int64) (quit func()) {
	stop := make(chan struct{})
	go func() {
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				k.told("judging", total/2+m.read.Load()/2, total)
			case <-stop:
				return
			}
		}
	}()
	return func() { close(stop) }
}

// tell makes the page of what was found.
func (k *personalCheck) tell(ctx context.Context, a *app, who protected, report *summary, first *survey) (*checked, error) {
	office, err := response.NewOffice(k.cfg.Notices)
	if err != nil {
		return nil, err
	}
	reader := records.NewReader(a.store.DB())
	found, err := reader.Findings(ctx, records.Filter{})
	if err != nil {
		return nil, err
	}
	var events []portcullis.ID
	for _, f := range found {
		if f.Finding.Severity > portcullis.Informational && f.Finding.Attention == portcullis.Targeted {
			events = append(events, f.Message.ID)
		}
	}
	events = slices.AppendSeq(events, maps.Keys(first.hits))
	reach, err := gatherReach(ctx, reader, who.dir, checkedPerson, "", events, time.Now())
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(reach.Events, func(a, b response.Received) int { return a.Time.Compare(b.Time) })
	check := response.SelfCheck{Messages: report.messages, Unread: len(report.problems), Events: reach.Events, Call: k.call}
	if totals, err := reader.Totals(ctx); err == nil { // how many are ordinary is worth a line, not a failure
		check.Ordinary = max(0, int(totals.Actions["tag"]+totals.Actions["hold"]+totals.Actions["refuse"])-targetedMails(found))
	}
	for i := range check.Events {
		one := &check.Events[i]
		for _, m := range first.hits[one.Event] {
			if m.Text != "" && !slices.Contains(one.Said, m.Text) {
				one.Said = append(one.Said, m.Text)
			}
		}
	}
	for _, p := range report.problems[:min(len(report.problems), maxWhy)] {
		check.Why = append(check.Why, p.Error())
	}
	for _, h := range k.headers {
		check.Hunts = append(check.Hunts, response.Hunt{Issuer: h.Issuer, For: h.For})
	}
	page, err := office.SelfCheck(check)
	return &checked{page: page, found: len(reach.Events), problems: report.problems}, err
}

// checkedPerson is the only one there is.
const checkedPerson = "you"

// person makes the file of protected people that a security desk would have: one person,
// with the addresses that most of the mail was sent to.
func (k *personalCheck) person(first *survey) (protected, error) {
	if first.messages == 0 {
		return protected{}, first.unread()
	}
	addresses := k.addresses
	if len(addresses) == 0 {
		addresses = first.likely()
	}
	if len(addresses) == 0 {
		return protected{}, exitError{exitIncomplete, errors.New("no message says to whom it was sent, so nobody knows whose mail this is; name your address with --address")}
	}
	var list []string
	for _, address := range addresses {
		canon, err := observable.Email(address)
		if err != nil {
			return protected{}, exitError{exitIncomplete, fmt.Errorf("--address %q is no mail address", address)}
		}
		list = append(list, strconv.Quote(canon))
	}
	raw := fmt.Sprintf("[[person]]\nid = %q\nname = %q\naddresses = [%s]\n", checkedPerson, cmp.Or(first.name(addresses), "You"), strings.Join(list, ", "))
	if domains := housesOf(list); len(domains) > 0 {
		// That is whose sign-in page a false one would look like, and whose name a stranger would borrow.
		raw += fmt.Sprintf("[[organisation]]\nname = %q\ndomains = [%s]\nown = true\n", "your house", strings.Join(domains, ", "))
	}
	dir, _, err := people.Parse("you", strings.NewReader(raw))
	if err != nil {
		return protected{}, fmt.Errorf("your addresses: %w", err)
	}
	return protected{dir: dir, raw: []byte(raw)}, nil
}

// housesOf are the domains of the person's addresses, quoted, but those where anybody can have one.
func housesOf(quoted []string) (list []string) {
	for _, q := range quoted {
		address, err := strconv.Unquote(q)
		if err != nil {
			continue
		}
		domain := address[strings.LastIndexByte(address, '@')+1:]
		if one := strconv.Quote(domain); !people.Freemail(domain) && !slices.Contains(list, one) {
			list = append(list, one)
		}
	}
	return list
}

// survey is the first reading.
type survey struct {
	check         *personalCheck
	judge         *mail.Judge
	delivered, to map[string]int            // how many messages were delivered to an address, and sent to
	names         map[string]map[string]int // what senders call it
	hits          map[portcullis.ID][]hit
	total         int64

	messages int
	problems []source.Problem // the first ones
	waiting  []observed       // for the next batch of the sealed lists
}

// maxWhy is how many reasons are told why something could not be read.
const maxWhy = 5

// unread tells why there is nothing to look through.
func (v *survey) unread() error {
	if len(v.problems) == 0 {
		return exitError{exitIncomplete, errors.New("there is no message in it; choose the export of your mailbox, or the folder that holds it")}
	}
	var why []string
	for _, p := range v.problems[:min(len(v.problems), 2)] { // the others follow from the first
		why = append(why, p.Error())
	}
	return exitError{exitIncomplete, fmt.Errorf("nothing of it could be read: %s", strings.Join(why, "; "))}
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
