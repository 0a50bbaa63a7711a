package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/term"

	"portcullis.example/portcullis"
	sealed "portcullis.example/portcullis/internal/pack"
	"portcullis.example/portcullis/internal/response"
	"portcullis.example/portcullis/internal/web/access"
)

type packReceiptCommand struct {
	Pack     string   `arg:"" help:"The pack that was hunted with." type:"path"`
	Exact    bool     `help:"Tell the exact number of people." xor:"how"`
	Noise    float64  `help:"Tell the number with noise of this epsilon: 1 is usual, less is more noise." placeholder:"EPSILON" xor:"how"`
	Withhold bool     `help:"Tell no number, only that the house hunted." xor:"how"`
	House    string   `help:"Who you are. Default: nothing is said." placeholder:"NAME"`
	Key      string   `help:"File of a secret key to sign the receipt with. Default: it is not signed." placeholder:"FILE" type:"path"`
	Output   string   `short:"o" help:"File to write. Default: standard output." placeholder:"FILE" type:"path"`
	Trust    []string `help:"Verifier key, or file of such, to trust for this once." placeholder:"KEY"`
}

// Help says what the issuer learns.
func (packReceiptCommand) Help() string {
	return `Writes a file that says how many people the pack's indicators reached, and nothing else: not which, not whom, not when. Nothing is sent. The issuer learns the count only if you send the file.

With --noise the count is drawn from a two-sided geometric distribution. The same pack with the same count gives the same number again, because several draws could be averaged; each further draw after the count has changed tells a little more, and how many there were is said.`
}

// Run writes a receipt.
func (c *packReceiptCommand) Run(ctx context.Context, std stdio, g *Globals) (err error) {
	if !c.Exact && !c.Withhold && c.Noise == 0 {
		return exitError{exitIncomplete, errors.New("say what the issuer may learn: --exact, --noise 1 or --withhold")}
	}
	k, err := openCorrelator(ctx, g, "", false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, k.app.close()) }()
	known, err := trustedKeys(ctx, k.app, c.Trust)
	if err != nil {
		return err
	}
	p, err := openPack(c.Pack, known)
	if _, over := errors.AsType[*sealed.ExpiredError](err); err != nil && !over { // a count may be asked for afterwards
		return err
	}
	text, err := c.receipt(ctx, std, &packHunt{std: std, k: k}, p)
	if err != nil {
		return err
	}
	return writePage(std, c.Output, text)
}

func (c *packReceiptCommand) receipt(ctx context.Context, std stdio, h *packHunt, p *sealed.Pack) ([]byte, error) {
	exact, err := h.affected(ctx, p.ID)
	if err != nil {
		return nil, err
	}
	r := sealed.Receipt{Pack: p.ID, Digest: p.Digest, Count: exact, Epsilon: c.Noise, Withheld: c.Withhold, Made: h.k.now(), House: strings.TrimSpace(c.House)}
	if c.Noise != 0 {
		if r.Count, err = sealed.Noised(exact, c.Noise, nil); err != nil {
			return nil, exitError{exitIncomplete, fmt.Errorf("--noise: %w", err)}
		}
	}
	var text string
	drawn := 0
	err = h.k.app.store.Tx(ctx, func(tx *sql.Tx) error {
		w := sealed.NewWriter(tx)
		if text, _, err = w.Receipted(ctx, r, exact, userName()); err != nil {
			return err
		}
		if drawn, err = w.Receipts(ctx, p.ID); err != nil {
			return err
		}
		return auditActs(ctx, tx, access.Hunt, string(p.ID), map[string]any{"receipt": text})
	})
	if err != nil {
		return nil, err
	}
	if drawn > 1 {
		fmt.Fprintf(std.err, "portcullis: %d counts with noise were drawn for this pack; together they tell more than one.\n", drawn)
	}
	if c.Key == "" {
		return []byte(text), nil
	}
	signer, err := sealed.LoadSigner(c.Key)
	if err != nil {
		return nil, exitError{exitIncomplete, err}
	}
	return sealed.SignReceipt(text, signer)
}

// affected counts the people whom something of a pack reached.
func (h *packHunt) affected(ctx context.Context, id portcullis.ID) (int, error) {
	r := sealed.NewReader(h.k.app.store.DB())
	kept, err := r.Kept(ctx)
	if err != nil {
		return 0, err
	}
	done := false
	for _, k := range kept {
		done = done || k.ID == id && !k.Finished.IsZero()
	}
	if !done {
		return 0, exitError{exitIncomplete, sealed.ErrNoPack}
	}
	out := packHunted{}
	if out.Found, err = r.Matches(ctx, id); err != nil {
		return 0, err
	}
	err = h.reached(ctx, &out)
	return len(out.People), err
}

// write puts the drafted notices and the issuer's words into a folder.
func (h *packHunt) write(ctx context.Context, list []response.Notice, out *packHunted) error {
	dir := h.flags.Briefings
	if dir == "" || len(out.People) == 0 {
		return nil
	}
	d, err := h.desk()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("--briefings: %w", err)
	}
	for _, n := range list {
		page, _, err := d.office.Write(n, "html")
		if err != nil {
			return err
		}
		_, hash, _ := strings.Cut(string(n.ID), ":")
		if err := writePage(h.std, filepath.Join(dir, "notice-"+hash[:min(10, len(hash))]+".html"), page); err != nil {
			return err
		}
		err = d.take(ctx, func(w *response.Writer) error {
			_, err := w.Took(ctx, d.caller(), n.ID, "html")
			return err
		})
		if err != nil {
			return err
		}
	}
	var words strings.Builder
	fmt.Fprintf(&words, "%s: %s\n%s\n", out.Header.Issuer, out.Header.For, out.Header.TLP)
	printWords(&words, *out)
	return writePage(h.std, filepath.Join(dir, "issuer.txt"), []byte(words.String()))
}

// packMeter shows how far testing is: with rate and time left, on a terminal in one line, elsewhere every
// ten seconds.
type packMeter struct {
	out         io.Writer
	terminal    bool
	todo        int64
	before      int
	done        atomic.Int64
	began       time.Time
	quit, ended chan struct{}
}

func newPackMeter(out io.Writer, todo int64, before int) *packMeter {
	m := &packMeter{out: out, todo: todo, before: before, quit: make(chan struct{}), ended: make(chan struct{})}
	if f, ok := out.(*os.File); ok {
		m.terminal = term.IsTerminal(int(f.Fd()))
	}
	return m
}

func (m *packMeter) add(n int) { m.done.Add(int64(n)) }

func (m *packMeter) start() {
	m.began = time.Now()
	if m.before > 0 && m.todo > 0 {
		fmt.Fprintf(m.out, "%s were tested before; going on.\n", count(m.before, "value"))
	}
	every := 10 * time.Second
	if m.terminal {
		every = time.Second
	}
	go func() {
		defer close(m.ended)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				m.draw()
			case <-m.quit:
				return
			}
		}
	}()
}

func (m *packMeter) stop() {
	close(m.quit)
	<-m.ended
	if m.terminal {
		fmt.Fprintf(m.out, "\r%70s\r", "")
	}
}

func (m *packMeter) draw() {
	done := m.done.Load()
	rate := float64(done) / time.Since(m.began).Seconds()
	text := fmt.Sprintf("testing %s of %s values, %.0f/s", thousands(done), thousands(m.todo), rate)
	if done > 0 {
		text += fmt.Sprintf(", %s left", time.Duration(float64(m.todo-done)/rate*float64(time.Second)).Round(time.Second))
	}
	if m.terminal {
		fmt.Fprintf(m.out, "\r%-70s", text)
		return
	}
	fmt.Fprintln(m.out, text)
}
