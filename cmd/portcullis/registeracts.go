package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"portcullis.example/portcullis/internal/register"
	budget "portcullis.example/portcullis/internal/register/meter"
)

type registerGrantCommand struct {
	Per    string        `arg:"" help:"person, role, purpose or program." enum:"person,role,purpose,program"`
	Who    string        `arg:"" help:"Which one."`
	More   int64         `help:"So many voters beyond the budget." required:""`
	Window string        `help:"Only this window: hour, day, 30 days, year. Default: all."`
	Budget string        `help:"Only this budget. Default: all that are counted so."`
	Reason string        `help:"Why. It stands in the ledger." required:""`
	For    time.Duration `help:"For how long." default:"8h"`
	supervisor
}

type registerWithdrawCommand struct {
	ID string `arg:"" help:"The grant's id."`
	supervisor
}

type registerRequestCommand struct {
	What   string        `arg:"" help:"what-read, anonymous, emergency, rehearsal or brake." enum:"what-read,anonymous,emergency,rehearsal,brake"`
	Person string        `arg:"" optional:"" help:"Whom it is about: whose reading, or who may read an anonymous entry."`
	Voter  string        `help:"The key of the anonymous entry."`
	Reason string        `help:"Why. It stands in the ledger." required:""`
	For    time.Duration `help:"For how long it holds once it is approved." default:"4h"`
	supervisor
}

type registerApproveCommand struct {
	ID string `arg:"" help:"The request's id."`
	supervisor
}

type registerPendingCommand struct{ supervisor }

type registerBrakeCommand struct {
	Do     string `arg:"" help:"release." enum:"release"`
	Reason string `help:"Why." required:""`
	supervisor
}

type registerEndCommand struct {
	Reason string `help:"Why." required:""`
	supervisor
}

type registerTokenCommand struct {
	File string `arg:"" help:"File to write; there must be none of that name." type:"path"`
}

type registerFindingsCommand struct {
	Since string `help:"The place that an earlier run ended at."`
}

// Run grants.
func (c *registerGrantCommand) Run(ctx context.Context, std stdio, g *Globals) error {
	return c.say(ctx, std, g, register.Act{Do: "grant", Grant: budget.Grant{Per: c.Per, Who: c.Who, More: c.More, Window: c.Window, Budget: c.Budget, Reason: c.Reason, Until: time.Now().Add(c.For)}}, "Granted")
}

// Run withdraws.
func (c *registerWithdrawCommand) Run(ctx context.Context, std stdio, g *Globals) error {
	return c.say(ctx, std, g, register.Act{Do: "withdraw", ID: c.ID}, "Withdrawn")
}

// Run asks.
func (c *registerRequestCommand) Run(ctx context.Context, std stdio, g *Globals) error {
	return c.say(ctx, std, g, register.Act{Do: "request", Request: register.Request{What: c.What, Person: c.Person, Voter: c.Voter, Reason: c.Reason, For: c.For}},
		"Asked for. Another supervisor approves it with `portcullis register approve`, within a day")
}

// Run approves.
func (c *registerApproveCommand) Run(ctx context.Context, std stdio, g *Globals) error {
	return c.say(ctx, std, g, register.Act{Do: "approve", ID: c.ID}, "Approved")
}

// Run lets the brake go.
func (c *registerBrakeCommand) Run(ctx context.Context, std stdio, g *Globals) error {
	return c.say(ctx, std, g, register.Act{Do: "release-brake", Text: c.Reason}, "Released")
}

// Run ends the emergency.
func (c *registerEndCommand) Run(ctx context.Context, std stdio, g *Globals) error {
	return c.say(ctx, std, g, register.Act{Do: "end-emergency", Text: c.Reason}, "Ended")
}

// say acts and prints what came of it.
func (s supervisor) say(ctx context.Context, std stdio, g *Globals, a register.Act, done string) error {
	cfg, err := registerConfig(g)
	if err != nil {
		return err
	}
	answer, err := s.act(ctx, &cfg, a)
	if err != nil {
		return err
	}
	if answer.ID != "" {
		done += ": " + answer.ID
	}
	fmt.Fprintln(std.out, done+".")
	if answer.Text != "" {
		fmt.Fprintln(std.out, printable(answer.Text))
	}
	return nil
}

// Run lists what waits.
func (c *registerPendingCommand) Run(ctx context.Context, std stdio, g *Globals) error {
	cfg, err := registerConfig(g)
	if err != nil {
		return err
	}
	answer, err := c.act(ctx, &cfg, register.Act{Do: "pending"})
	if err != nil {
		return err
	}
	if len(answer.Requests) == 0 {
		fmt.Fprintln(std.out, "Nothing waits for a second person.")
	}
	for _, r := range answer.Requests {
		fmt.Fprintf(std.out, "%s  %s %s, asked for by %s on %s, for %v: %s\n", r.ID, r.What, printable(r.Person), printable(r.By), r.Made.UTC().Format(time.RFC3339), r.For, printable(r.Reason))
	}
	return nil
}

// Run makes a token.
func (c *registerTokenCommand) Run(std stdio) (err error) {
	var secret [24]byte
	if _, err := rand.Read(secret[:]); err != nil {
		return err
	}
	token := "portcullis_register_" + hex.EncodeToString(secret[:])
	f, err := os.OpenFile(c.File, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(f, token)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(token))
	fmt.Fprintf(std.out, "The token is in %s. Put into the policy:\n\n[[supervisor]]\nname = \"…\"\ntoken_sha256 = \"%s\"\n", c.File, hex.EncodeToString(sum[:]))
	return nil
}

// Run prints findings as JSON lines, and at the end where to go on from.
func (c *registerFindingsCommand) Run(std stdio, g *Globals) error {
	cfg, err := registerConfig(g)
	if err != nil {
		return err
	}
	enc := json.NewEncoder(std.out)
	place, err := register.ReadSpool(filepath.Join(cfg.Data, "findings"), c.Since, func(r register.Raised) error { return enc.Encode(r) })
	if err != nil {
		return err
	}
	if silent, is := register.Silent(cfg.Data, time.Now()); is {
		if err := enc.Encode(silent); err != nil {
			return err
		}
	}
	if place != "" {
		fmt.Fprintf(std.err, "Go on with --since %q.\n", place)
	}
	return nil
}
