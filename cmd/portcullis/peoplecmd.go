package main

import (
	"fmt"

	"portcullis.example/portcullis/internal/people"
)

type peopleCommand struct {
	Check peopleCheckCommand `cmd:"" help:"Tell all problems of a people file at once, each with its line."`
}

type peopleCheckCommand struct {
	File string `arg:"" help:"people.toml, or a CSV file with a header line." type:"path"`
}

// Run checks.
func (c *peopleCheckCommand) Run(std stdio) error {
	dir, problems, err := people.Load(c.File)
	if err != nil {
		return exitError{exitIncomplete, err}
	}
	bad := 0
	for _, p := range problems {
		kind := "warning"
		if !p.Warning {
			kind = "error"
			bad++
		}
		fmt.Fprintf(std.out, "%s:%d: %s: %s", c.File, p.Line, kind, printable(p.Message))
		if p.Remedy != "" {
			fmt.Fprintf(std.out, " — %s", printable(p.Remedy))
		}
		fmt.Fprintln(std.out)
	}
	kinds := map[string]int{}
	for _, o := range dir.Organisations() {
		kinds[o.Kind]++
	}
	fmt.Fprintf(std.out, "%s: %s, %d own organisations, %d outlets, %d partners, %d bulk senders; %s, %s.\n", c.File,
		countPeople(len(dir.People())), kinds[people.KindOwn], kinds[people.KindOutlet], kinds[people.KindPartner], kinds[people.KindBulk],
		count(bad, "error"), count(len(problems)-bad, "warning"))
	if bad > 0 {
		return exitError{exitIncomplete, nil}
	}
	return nil
}

func countPeople(n int) string {
	if n == 1 {
		return "1 person"
	}
	return thousands(n) + " people"
}
