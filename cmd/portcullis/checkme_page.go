package main

import (
	"context"
	"errors"
	"fmt"
	"html"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"portcullis.example/portcullis/internal/checkme"
)

// checkMeProgram is what the program is called where it is for one person: started by
// double-click it gets no argument, and must not answer with a page of help.
const checkMeProgram = "check-me"

// personal puts the command in where the program's own name says it.
func personal(program string, args []string) []string {
	if strings.Contains(strings.ToLower(filepath.Base(program)), checkMeProgram) && (len(args) == 0 || args[0] != checkMeProgram) {
		return append([]string{checkMeProgram}, args...)
	}
	return args
}

// servePersonalCheck serves the page on which one person chooses what to look through.
func servePersonalCheck(ctx context.Context, std stdio, cfg Config, c *checkMeCommand) error {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("make a page for your browser: %w", err)
	}
	home, _ := os.UserHomeDir()
	offer := checkme.Config{Check: func(ctx context.Context, r checkme.Request, told func(string, float64)) (checkme.Answer, error) {
		return c.onPage(ctx, cfg, r, told)
	}}
	if home != "" {
		offer.Candidates, offer.Packs = checkme.Find(home)
	}
	page := checkme.New(offer, l.Addr())
	if c.NoOpen {
		fmt.Fprintf(std.out, "Open this page in your browser. It is served on this computer only, and the address works once:\n%s\n", page.URL())
	} else {
		ticket, err := openBrowser(page.URL())
		if ticket != "" {
			defer func() { _ = os.Remove(ticket) }()
		}
		if err != nil {
			fmt.Fprintf(std.out, "No browser could be opened (%v). Open this page yourself; the address works once:\n%s\n", err, page.URL())
		} else {
			fmt.Fprintln(std.out, "A page opens in your browser. This window can stay as it is; it ends when you press “Finish” there.")
		}
	}
	err = page.Serve(ctx, l)
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// onPage runs the check that was chosen on the page.
func (c *checkMeCommand) onPage(ctx context.Context, cfg Config, r checkme.Request, told func(string, float64)) (checkme.Answer, error) {
	for _, name := range r.Mailboxes {
		if _, err := os.Stat(name); err != nil {
			return checkme.Answer{}, fmt.Errorf("there is no file or folder %s on this computer; check how it is written", name)
		}
	}
	one := *c
	one.Address = append(append([]string(nil), c.Address...), r.Addresses...)
	if r.Issuer != "" {
		one.Issuer = append(append([]string(nil), c.Issuer...), r.Issuer)
	}
	if r.Pack != "" {
		one.Pack = append(append([]string(nil), c.Pack...), r.Pack)
	}
	check, err := one.check(cfg)
	if err != nil {
		return checkme.Answer{}, err
	}
	check.told = func(stage string, read, total int64) { told(stage, float64(read)/float64(max(total, 1))) }
	answer, err := check.run(ctx, r.Mailboxes)
	if err != nil {
		return checkme.Answer{}, err
	}
	page, err := answer.page.HTML()
	return checkme.Answer{Page: page}, err
}

// openBrowser opens the page by way of a file that only this user can read: the address holds
// the ticket, and arguments of programs are seen by everybody on the machine.
func openBrowser(address string) (file string, err error) {
	f, err := os.CreateTemp("", checkFolder()+".html") // mode 0600
	if err != nil {
		return "", err
	}
	_, err = fmt.Fprintf(f, "<!DOCTYPE html>\n<meta charset=\"utf-8\">\n<meta name=\"referrer\" content=\"no-referrer\">\n<meta http-equiv=\"refresh\" content=\"0; url=%s\">\n<title>Check my mail</title>\n", html.EscapeString(address))
	if err = errors.Join(err, f.Close()); err != nil {
		return f.Name(), err
	}
	var cmd *exec.Cmd
	switch runtime.GOOS {
	case "windows":
		cmd = exec.Command("rundll32", "url.dll,FileProtocolHandler", f.Name())
	case "darwin":
		cmd = exec.Command("open", f.Name())
	default:
		cmd = exec.Command("xdg-open", f.Name())
	}
	if err := cmd.Start(); err != nil {
		return f.Name(), err
	}
	go func() { _ = cmd.Wait() }()
	return f.Name(), nil
}
