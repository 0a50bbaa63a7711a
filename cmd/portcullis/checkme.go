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
	ctx, stop := whileOpen(ctx)
	defer stop()
	sweepChecks(os.TempDir())
	if len(c.Mail) == 0 {
		return servePersonalCheck(ctx, std, cfg, c)
	}
	err = c.onTerminal(ctx, std, cfg)
	if errors.Is(err, context.Canceled) {
		err = exitError{exitFailed, errors.New("stopped before the end; nothing is kept, and the next start begins anew")}
	}
	return err
}

// onTerminal checks the mailboxes that stand on the command line.
func (c *checkMeCommand) onTerminal(ctx context.Context, std stdio, cfg Config) error {
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
		fmt.Fprintln(std.err, "not read:", printable(toOne(p)))
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
	who, err := k.person(first, boxes)
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
	check := response.SelfCheck{Messages: report.messages, Unread: len(report.problems), Encrypted: first.encrypted, Events: reach.Events, Own: who.dir.Person(checkedPerson).Addresses, Call: k.call}
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
		check.Why = append(check.Why, toOne(p))
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
func (k *personalCheck) person(first *survey, boxes []string) (protected, error) {
	if first.messages == 0 {
		return protected{}, first.unread(boxes)
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
