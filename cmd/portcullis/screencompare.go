package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"portcullis.example/portcullis/internal/screening/ledger"
)

type screenCompareCommand struct {
	A      string `arg:"" optional:"" name:"A"`
	B      string `arg:"" optional:"" name:"B"`
	Schema string `help:"person, organisation, vessel or aircraft. Default: any." placeholder:"KIND"`
	Pairs  string `help:"CSV file of pairs (columns name1, name2 and perhaps schema; - is standard input): the same rows come out with a score column." placeholder:"FILE"`
	Format string `help:"text or json, for two names." enum:"text,json" default:"text"`
}

// Run compares. It needs no store.
func (c *screenCompareCommand) Run(ctx context.Context, std stdio) error {
	switch {
	case c.Pairs != "" && c.A == "":
		return c.pairs(ctx, std)
	case c.Pairs != "" || c.A == "" || c.B == "":
		return exitError{exitIncomplete, errors.New("say two names, or --pairs FILE")}
	}
	result, err := ledger.CompareNames(ledger.CompareRequest{A: c.A, B: c.B, Schema: c.Schema})
	if err != nil {
		return exitError{exitIncomplete, err}
	}
	if c.Format == "json" {
		return writeJSON(std.out, result)
	}
	fmt.Fprintf(std.out, "%.4f\n", result.Score)
	printAlignment(std.out, result.Alignment)
	for _, a := range result.Against {
		fmt.Fprintf(std.out, "      against: %s\n", printable(a))
	}
	return nil
}

// openInput opens a file, or standard input for "-".
func openInput(std stdio, path string) (io.ReadCloser, error) {
	if path == "-" {
		return io.NopCloser(std.in), nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, exitError{exitIncomplete, err}
	}
	return f, nil
}

// pairs writes each row with its score. A row that cannot be compared keeps its place,
// without a score, and is told of.
func (c *screenCompareCommand) pairs(ctx context.Context, std stdio) error {
	f, err := openInput(std, c.Pairs)
	if err != nil {
		return err
	}
	defer f.Close()
	in, err := newRowReader(f, c.Pairs, "", "")
	if err != nil {
		return err
	}
	first, second, schema := in.column("name1", "a", "left"), in.column("name2", "b", "right"), in.column("schema", "kind")
	if first < 0 || second < 0 {
		return exitError{exitIncomplete, fmt.Errorf("%s: the columns name1 and name2 are wanted; the header is: %s", c.Pairs, printable(strings.Join(in.header, ", ")))}
	}
	out := csv.NewWriter(std.out)
	if err := out.Write(append(slices.Clone(in.header), in.free("score"))); err != nil {
		return err
	}
	bad := 0
	for ctx.Err() == nil {
		row, err := in.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			out.Flush()
			return errors.Join(exitError{exitIncomplete, err}, out.Error())
		}
		request := ledger.CompareRequest{A: row[first], B: row[second], Schema: c.Schema}
		if schema >= 0 {
			request.Schema = row[schema]
		}
		score := ""
		if result, err := ledger.CompareNames(request); err != nil {
			bad++
			fmt.Fprintf(std.err, "%s:%d: %s; the row has no score\n", c.Pairs, in.line, printable(err.Error()))
		} else {
			score = strconv.FormatFloat(result.Score, 'f', 4, 64)
		}
		if err := out.Write(append(slices.Clone(row), score)); err != nil {
			return err
		}
	}
	out.Flush()
	if err := errors.Join(ctx.Err(), out.Error()); err != nil {
		return err
	}
	if bad > 0 {
		return exitError{exitIncomplete, fmt.Errorf("%s could not be compared", count(bad, "row"))}
	}
	return nil
}
