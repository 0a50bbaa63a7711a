package main

import "runtime/debug"

const description = `Portcullis tells a security team which of the people it protects are being targeted by mail, with what, and hunts through all of it.

Start with:  portcullis scan --people people.toml MAILBOX…
Then:        portcullis findings, portcullis explain ID, portcullis hunt DOMAIN

Nothing leaves by itself: scanning and hunting open no network connection unless asked to with --dns or a PostgreSQL address, watch connects to the mail servers that the configuration names, and an approved notice goes out by notices send, through the house's own server.`

// Globals are the options every command takes.
type Globals struct {
	Config string `help:"Configuration file (TOML)." placeholder:"FILE" type:"path" env:"PORTCULLIS_CONFIG"`
	Data   string `help:"Data folder. Default: the platform's own; scan without it and without --config uses a temporary one." placeholder:"DIR" type:"path" env:"PORTCULLIS_DATA"`
}

type commandLine struct {
	Globals

	Scan       scanCommand       `cmd:"" help:"Judge mail: .eml, mbox, Maildir, .msg, folders and archives of them, - for standard input."`
	Watch      watchCommand      `cmd:"" help:"Judge the mail of mailboxes on servers: what is there, then what comes."`
	Findings   findingsCommand   `cmd:"" help:"List what earlier scans found."`
	Explain    explainCommand    `cmd:"" help:"Say why: rule, evidence with bytes and offsets, what was unknown, what would have flipped it."`
	Hunt       huntCommand       `cmd:"" help:"Find everyone a domain, URL, address, IP, hash, subject or message id ever reached."`
	Pack       packCommand       `cmd:"" help:"Sealed packs: hunt for what a partner knows without being told it."`
	CheckMe    checkMeCommand    `cmd:"" name:"check-me" help:"For one person alone: look through an export of your own mailbox. Nothing leaves the machine, nothing is kept."`
	Serve      serveCommand      `cmd:"" help:"Serve the desk: pages on which people see campaigns, hunt, and tell those who were reached."`
	Campaigns  campaignsCommand  `cmd:"" help:"Which findings belong together, and why."`
	Assess     assessCommand     `cmd:"" help:"Weigh rival explanations of a campaign; say how likely, and apart from that how sure."`
	Indicators indicatorsCommand `cmd:"" help:"Keep partners' indicators and search all history for them."`
	Brief      briefCommand      `cmd:"" help:"Write the notice to a person, or the briefing about a campaign."`
	Notices    noticesCommand    `cmd:"" help:"Who is to be told, and by when; approve, delay, send."`
	Contacts   contactsCommand   `cmd:"" name:"contacts-in-danger" help:"Who had written to a member in confidence. For the member alone; nothing is kept."`
	People     peopleCommand     `cmd:"" help:"Check the file of protected people."`
	Try        tryCommand        `cmd:"" help:"Try the rules on labelled mail: hits and false alarms per rule and source."`
	Learn      learnCommand      `cmd:"" help:"Train the text model on the house's own reported and legitimate mail."`
	Replay     replayCommand     `cmd:"" help:"Judge stored messages again from their stored facts and compare byte for byte."`
	Backup     backupCommand     `cmd:"" help:"Write a consistent copy of the store to one file."`
	Restore    restoreCommand    `cmd:"" help:"Make a store from a backup."`
	Retain     retainCommand     `cmd:"" help:"Remove what is older than the retention period."`
	Erase      eraseCommand      `cmd:"" help:"Remove one person from the store."`
	Settings   settingsCommand   `cmd:"" name:"config" help:"Check the configuration file."`
	Screen     screenCommand     `cmd:"" help:"Is this name on a list, in any script, and what follows from it."`
	Lists      listsCommand      `cmd:"" help:"Sanctions lists and influence registers: add, update, show."`
	Register   registerCommand   `cmd:"" help:"The guard before a register of voters: who read whose record, grants, approvals, honey voters."`
	Audit      auditCommand      `cmd:"" help:"Who looked at what and did what; check that the log is whole."`
	Token      tokenCommand      `cmd:"" help:"Make a bearer token for a program."`
	Bench      benchCommand      `cmd:"" help:"Measure everything that is claimed of this program."`
	Version    versionCommand    `cmd:"" help:"Print the version."`
}

func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 && v == "(devel)" {
			v = "devel-" + s.Value[:12]
		}
	}
	return v
}
