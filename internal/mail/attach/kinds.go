package attach

// Kinds of traits, each with the attack it serves. Technique gives the MITRE
// ATT&CK id of each.
const (
	KindMacro             = "macro"              // VBA project; Detail tells auto-run names and calls that start programs
	KindXLMMacro          = "xlm-macro"          // Excel 4.0 macro sheet, older than VBA and less looked at
	KindRemoteTemplate    = "remote-template"    // document loads its template, frame or part from elsewhere, with the macros in it
	KindOLEObject         = "ole-object"         // embedded or linked object or package, started by a double click
	KindDDE               = "dde"                // field or link that starts a program through Dynamic Data Exchange
	KindEquationEditor    = "equation-editor"    // object for the Equation Editor, exploited since CVE-2017-11882
	KindLNK               = "lnk"                // shortcut whose target and arguments run a command
	KindDiskImage         = "disk-image"         // mounts as a drive; files in it lose the mark of the web
	KindScript            = "script"             // runs when opened, by type or by the application's own abilities
	KindExecutable        = "executable"         // PE, ELF or Mach-O
	KindSVGScript         = "svg-script"         // picture that runs script in the browser
	KindHTMLSmuggling     = "html-smuggling"     // page that assembles a file or page out of data it carries
	KindHTMLForm          = "html-form"          // page that asks for a password
	KindHTMLRedirect      = "html-redirect"      // page that only leads to another
	KindEncryptedArchive  = "encrypted-archive"  // cannot be looked into, the password stands in the mail
	KindEncryptedDocument = "encrypted-document" // needs a password to open
	KindDoubleExtension   = "double-extension"   // "invoice.pdf.exe", or the extension pushed out of sight by spaces
	KindRTLName           = "rtl-name"           // bidirectional controls turn the extension around
	KindInvisibleName     = "invisible-name"     // characters that show nothing, in the name
	KindTypeMismatch      = "type-mismatch"      // content is not what name or media type say
	KindPDFAction         = "pdf-action"         // script, launch, remote or embedded document, form submission
	KindCalendarLink      = "calendar-link"      // invitation that leads to an address or carries an attachment
	KindArchiveBomb       = "archive-bomb"       // unpacks to far more than it weighs
	KindNestedArchive     = "nested-archive"     // archive in an archive, to outrun scanners
	KindPasswordHint      = "password-hint"      // text beside protected content that tells the password
)

// Where an address was found.
const (
	InQR           = "qr"
	InPDF          = "pdf-uri"
	InCalendar     = "ics"
	InRelationship = "office-relationship"
	InField        = "office-field"
	InHTMLForm     = "html-form"
	InHTMLLink     = "html-link"     // href or src in an HTML attachment
	InHTMLRedirect = "html-redirect" // refresh or assignment to location
	InHTMLScript   = "html-script"   // literal in a script
	InSVG          = "svg"
	InLNK          = "lnk"
	InRTF          = "rtf"
	InEML          = "eml"      // in the text of an attached message
	InShortcut     = "shortcut" // .url and .webloc files
	InText         = "text"     // plain text, macros, scripts
)

// Technique returns the ATT&CK id that a trait serves, "T1566.001"
// (Spearphishing Attachment) where nothing more exact applies.
func Technique(kind string) string {
	switch kind {
	case KindMacro, KindXLMMacro:
		return "T1059.005" // Command and Scripting Interpreter: Visual Basic
	case KindRemoteTemplate:
		return "T1221" // Template Injection
	case KindDDE:
		return "T1559.002" // Inter-Process Communication: Dynamic Data Exchange
	case KindEquationEditor:
		return "T1203" // Exploitation for Client Execution
	case KindOLEObject, KindLNK, KindExecutable, KindPDFAction:
		return "T1204.002" // User Execution: Malicious File
	case KindDiskImage:
		return "T1553.005" // Subvert Trust Controls: Mark-of-the-Web Bypass
	case KindScript:
		return "T1059" // Command and Scripting Interpreter
	case KindSVGScript:
		return "T1027.017" // Obfuscated Files: SVG Smuggling
	case KindHTMLSmuggling:
		return "T1027.006" // Obfuscated Files: HTML Smuggling
	case KindHTMLForm:
		return "T1598.002" // Phishing for Information: Spearphishing Attachment
	case KindHTMLRedirect:
		return "T1204.001" // User Execution: Malicious Link
	case KindEncryptedArchive, KindEncryptedDocument, KindPasswordHint:
		return "T1027.013" // Obfuscated Files: Encrypted/Encoded File
	case KindDoubleExtension:
		return "T1036.007" // Masquerading: Double File Extension
	case KindRTLName:
		return "T1036.002" // Masquerading: Right-to-Left Override
	case KindInvisibleName:
		return "T1036" // Masquerading
	case KindTypeMismatch:
		return "T1036.008" // Masquerading: Masquerade File Type
	case KindCalendarLink:
		return "T1566.002" // Phishing: Spearphishing Link
	case KindArchiveBomb:
		return "T1499.004" // Endpoint Denial of Service: Application or System Exploitation
	case KindNestedArchive:
		return "T1027.015" // Obfuscated Files: Compression
	}
	return "T1566.001"
}
