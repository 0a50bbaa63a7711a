// Command portcullis is active cyber defence for democratic institutions. See
// README.md; `portcullis --help` lists the commands.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/alecthomas/kong"
)

// Exit statuses. 1 is for findings, and only with --exit-code.
const (
	exitOK         = 0
	exitFindings   = 1
	exitIncomplete = 2 // something could not be read, or was asked for wrongly
	exitFailed     = 3 // could not do what was asked
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	boundMemory()
	os.Exit(run(ctx, personal(os.Args[0], os.Args[1:]), stdio{os.Stdin, os.Stdout, os.Stderr}))
}

// boundMemory trades memory for speed while there is little of it in use, and
// collects hard above a fifth of a gigabyte, however much mail is read.
func boundMemory() {
	debug.SetGCPercent(300)
	debug.SetMemoryLimit(190 << 20)
}

// stdio is what a command talks through, so that tests can listen.
type stdio struct {
	in       io.Reader
	out, err io.Writer
}

// exitError carries an exit status out of a command.
type exitError struct {
	code int
	err  error // nil: everything worth saying has been said
}

func (e exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit status %d", e.code)
	}
	return e.err.Error()
}

func (e exitError) Unwrap() error { return e.err }

// run parses arguments and runs the command they name.
func run(ctx context.Context, args []string, std stdio) int {
	signal.Ignore(syscall.SIGPIPE) // who closes our output (| head) must not keep us from cleaning up
	var cli commandLine
	exited := -1
	parser, err := kong.New(&cli,
		kong.Name("portcullis"),
		kong.Description(description),
		kong.Writers(std.out, std.err),
		kong.Exit(func(code int) { exited = code }),
		kong.UsageOnError(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.Vars{"version": version()},
	)
	if err != nil {
		fmt.Fprintln(std.err, "portcullis:", err)
		return exitFailed
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	cmd, err := parser.Parse(spanned(args))
	if exited >= 0 {
		return exited
	}
	if err != nil {
		fmt.Fprintf(std.err, "portcullis: %v\nTry `portcullis --help`, or `portcullis COMMAND --help`.\n", err)
		return exitIncomplete
	}
	cmd.BindTo(ctx, (*context.Context)(nil))
	return status(cmd.Run(std, &cli.Globals), std)
}

func status(err error, std stdio) int {
	var exit exitError
	switch {
	case err == nil, errors.Is(err, syscall.EPIPE): // nobody listens any more: all is said
		return exitOK
	case errors.As(err, &exit):
		if exit.err != nil {
			fmt.Fprintln(std.err, "portcullis:", printableLines(exit.err.Error()))
		}
		return exit.code
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(std.err, "portcullis: interrupted; what was stored stays, and the same command goes on from there")
		return exitFailed
	default:
		fmt.Fprintln(std.err, "portcullis:", printableLines(err.Error()))
		return exitFailed
	}
}
