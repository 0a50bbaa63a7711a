package lists

import (
	"bufio"
	"cmp"
	"encoding/xml"
	"strings"

	"portcullis.example/portcullis/internal/screening"
)

// ukDesignation is one entry of the UK Sanctions List in XML.
type ukDesignation struct {
	LastUpdated, DateDesignated, UniqueID, RegimeName, IndividualEntityShip, SanctionsImposed string
	OFSIGroupID, UNReferenceNumber                                                            string

	OtherInformation string
	Reasons          string `xml:"UKStatementofReasons"`
	Names            []struct {
		Name1, Name2, Name3, Name4, Name5, Name6, NameType, AliasStrength string
	} `xml:"Names>Name"`
	NonLatin []struct {
		Text   string `xml:"NameNonLatinScript"`
		Script string `xml:"NonLatinScriptType"`
	} `xml:"NonLatinNames>NonLatinName"`
	Indicators struct {
		All []struct {
			XMLName xml.Name
			Text    string `xml:",chardata"`
		} `xml:",any"`
	} `xml:"SanctionsImposedIndicators"`
	Countries     []string `xml:"Addresses>Address>AddressCountry"`
	Births        []string `xml:"IndividualDetails>Individual>DOBs>DOB"`
	Nationalities []string `xml:"IndividualDetails>Individual>Nationalities>Nationality"`
	BirthCountry  []string `xml:"IndividualDetails>Individual>BirthDetails>Location>CountryOfBirth"`
	Genders       []string `xml:"IndividualDetails>Individual>Genders>Gender"`
	Passports     []string `xml:"IndividualDetails>Individual>PassportDetails>Passport>PassportNumber"`
	NationalIDs   []string `xml:"IndividualDetails>Individual>NationalIdentifierDetails>NationalIdentifier>NationalIdentifierNumber"`
	Registrations []string `xml:"EntityDetails>Entity>BusinessRegistrationNumbers>BusinessRegistrationNumber"`
	IMO           []string `xml:"ShipDetails>Ship>IMONumbers>IMONumber"`
	Flags         []string `xml:"ShipDetails>Ship>CurrentBelievedFlagOfShips>CurrentBelievedFlagOfShip"`
	OldFlags      []string `xml:"ShipDetails>Ship>PreviousFlags>PreviousFlag"`
	Hulls         []string `xml:"ShipDetails>Ship>HullIdentificationNumbers>HullIdentificationNumber"`

	// What tells people apart, and is kept in the remarks.
	Titles       []string `xml:"Titles>Title"`
	Positions    []string `xml:"IndividualDetails>Individual>Positions>Position"`
	Towns        []string `xml:"IndividualDetails>Individual>BirthDetails>Location>TownOfBirth"`
	PassportNote []string `xml:"IndividualDetails>Individual>PassportDetails>Passport>PassportAdditionalInformation"`
	IDNote       []string `xml:"IndividualDetails>Individual>NationalIdentifierDetails>NationalIdentifier>NationalIdentifierAdditionalInformation"`
	Owners       []string `xml:"ShipDetails>Ship>CurrentOwnerOperators>CurrentOwnerOperator"`
	Parents      []string `xml:"EntityDetails>Entity>ParentCompanies>ParentCompany"`
}

// readUKXML reads the UK Sanctions List in XML.
func readUKXML(b *builder, in *bufio.Reader) error {
	return eachElement(in, func(e *element) error {
		switch e.Name.Local {
		case "DateGenerated":
			var date string
			if err := e.decode(&date); err != nil {
				return err
			}
			b.published = isoDate(strings.TrimSpace(date), DayFirst)
		case "Designation":
			var d ukDesignation
			if err := e.decode(&d); err != nil {
				return err
			}
			return b.ukDesignation(d, e.line)
		}
		return nil
	})
}

func (b *builder) ukDesignation(d ukDesignation, line int) error {
	id, group := tidy(d.UniqueID), tidy(d.OFSIGroupID)
	switch {
	case id == "" && group == "":
		b.lost(line, "the designation has neither UniqueID nor OFSIGroupID and is left out")
		return nil
	case id == "":
		id = "OFSI-" + group
		b.note(nil, line, "the designation has no UniqueID; its OFSIGroupID %s stands in for it", group)
	}
	e, err := b.entity(id, line)
	if err != nil {
		return err
	}
	e.Kind = kindOf(d.IndividualEntityShip)
	for _, n := range d.Names {
		b.ukName(e, ukName{given: [5]string{n.Name1, n.Name2, n.Name3, n.Name4, n.Name5}, family: n.Name6, kind: n.NameType, strength: n.AliasStrength}, line)
	}
	for _, n := range d.NonLatin {
		b.name(e, screening.Name{Text: n.Text, Kind: screening.NameOriginalScript, Script: isoScript(n.Script)}, line)
	}
	for _, text := range d.Births {
		b.birth(e, text, DayFirst, line)
	}
	addTo(&e.Nationalities, d.Nationalities...)
	addTo(&e.Countries, d.Countries...)
	addTo(&e.Countries, d.BirthCountry...)
	addTo(&e.Countries, d.Flags...)
	addTo(&e.Countries, d.OldFlags...)
	for _, g := range d.Genders {
		e.Gender = cmp.Or(genderOf(g), e.Gender)
	}
	b.identifiers(e, "passport", d.Passports)
	b.identifiers(e, "national id", d.NationalIDs)
	b.identifiers(e, "registration", d.Registrations)
	b.identifiers(e, "imo", d.IMO)
	b.identifiers(e, "hull", d.Hulls)
	b.identifier(e, "un reference", d.UNReferenceNumber, "")
	b.imposed(e, d.SanctionsImposed)
	b.ukIndicators(e, d)
	b.program(e, d.RegimeName)
	b.remark(e, d.Reasons)
	b.remark(e, d.OtherInformation)
	for _, r := range []struct {
		label string
		texts []string
	}{{"Title", d.Titles}, {"Position", d.Positions}, {"Town of birth", d.Towns}, {"Passport", d.PassportNote}, {"National identifier", d.IDNote}, {"Owner or operator", d.Owners}, {"Parent company", d.Parents}} {
		for _, text := range r.texts {
			b.labelled(e, r.label, text)
		}
	}
	e.Updated = later(isoDate(d.DateDesignated, DayFirst), isoDate(d.LastUpdated, DayFirst))
	return nil
}

func (b *builder) identifiers(e *screening.Entity, kind string, values []string) {
	for _, v := range values {
		b.identifier(e, kind, v, "")
	}
}

// ukIndicators reads the measures that are given as <AssetFreeze>true</AssetFreeze>, where
// the text beside them names none.
func (b *builder) ukIndicators(e *screening.Entity, d ukDesignation) {
	if tidy(d.SanctionsImposed) != "" {
		return
	}
	for _, i := range d.Indicators.All {
		if strings.EqualFold(strings.TrimSpace(i.Text), "true") || strings.TrimSpace(i.Text) == "1" {
			b.imposed(e, apart(i.XMLName.Local))
		}
	}
}

// apart writes "AssetFreeze" as "Asset freeze".
func apart(camel string) string {
	var s strings.Builder
	for i, r := range camel {
		if i > 0 && r >= 'A' && r <= 'Z' {
			s.WriteByte(' ')
			r += 'a' - 'A'
		}
		s.WriteRune(r)
	}
	return s.String()
}
