using System;
using System.Collections.Generic;
using System.Linq;
using Sprache;

namespace Sinter.Compiler.Syntax;

/// <summary>What is known about a file while it is parsed, shared by all its inputs.</summary>
internal sealed class ParseState(string path)
{
    /// <summary>
    /// Deeper nesting would risk the stack, a level of which takes up to 15 KB in code that is not optimised yet: a description
    /// that needs it does not exist.
    /// </summary>
    public const int DeepestNesting = 24;

    /// <summary>Operands, arguments or axes in a row.</summary>
    public const int LongestChain = 200;

    private readonly List<string> _expected = [];

    public string Path { get; } = path;

    public DiagnosticBag Diagnostics { get; } = new();

    public int Depth { get; set; }

    /// <summary>The spot that parsing could not get beyond.</summary>
    public SourceInput? Farthest { get; private set; }

    /// <summary>Stands for whatever could begin at its position: «an expression» instead of a list of tokens.</summary>
    public (string Label, int Position) Label { get; set; } = ("", -1);

    public bool IsCancelled { get; set; }

    /// <summary>The last place of which something has been reported, or -1.</summary>
    public int ReportedAt { get; set; } = -1;

    public void Expect(SourceInput at, string what)
    {
        if (Farthest is null || at.Position > Farthest.Position)
        {
            Farthest = at;
            _expected.Clear();
        }

        if (at.Position < Farthest.Position) return;
        if (Label.Position == at.Position) what = Label.Label;
        if (!_expected.Contains(what)) _expected.Add(what);
    }

    public void ForgetFailures()
    {
        Farthest = null;
        _expected.Clear();
    }

    public string Expected() => _expected.Count switch
    {
        0 => "something else",
        1 => _expected[0],
        _ => string.Join(", ", _expected.Take(_expected.Count - 1)) + " or " + _expected[_expected.Count - 1],
    };
}

/// <summary>A place in a file. Unlike Sprache's own input it knows its file, moves by whole tokens, and makes no dictionary a character.</summary>
internal sealed class SourceInput(ParseState state, string source, int position, int line, int column, int lastEnd) : IInput
{
    private Dictionary<object, object>? _memos;

    public ParseState State => state;

    public string Source => source;

    public int Position => position;

    public int Line => line;

    public int Column => column;

    /// <summary>Where the token before this place ended, before blanks and comments.</summary>
    public int LastEnd => lastEnd;

    public bool AtEnd => position == source.Length;

    public char Current => source[position];

    public IDictionary<object, object> Memos => _memos ??= [];

    public IInput Advance() => Skip(1, trivia: false);

    /// <summary>The place after a token of some length and the blanks and comments behind it.</summary>
    public SourceInput Skip(int length, bool trivia = true)
    {
        int end = position + length, at = position, atLine = line, atColumn = column;
        while (at < end) Step(ref at, ref atLine, ref atColumn);
        if (trivia) SkipTrivia(ref at, ref atLine, ref atColumn);
        return new SourceInput(state, source, at, atLine, atColumn, length > 0 ? end : lastEnd);
    }

    public SourceSpan SpanTo(int end) => new(state.Path, position, Math.Max(0, end - position), line, column);

    public bool Equals(IInput? other) => other is SourceInput input && input.Position == position && input.Source == source;

    public override bool Equals(object? obj) => obj is IInput other && Equals(other);

    public override int GetHashCode() => position;

    private void Step(ref int at, ref int atLine, ref int atColumn)
    {
        if (source[at++] == '\n')
        {
            atLine++;
            atColumn = 1;
        }
        else
        {
            atColumn++;
        }
    }

    private void SkipTrivia(ref int at, ref int atLine, ref int atColumn)
    {
        while (at < source.Length)
        {
            char next = at + 1 < source.Length ? source[at + 1] : '\0';
            if (char.IsWhiteSpace(source[at]) || source[at] == '\uFEFF')
            {
                Step(ref at, ref atLine, ref atColumn);
            }
            else if (source[at] == '/' && next == '/')
            {
                while (at < source.Length && source[at] != '\n') Step(ref at, ref atLine, ref atColumn);
            }
            else if (source[at] == '/' && next == '*')
            {
                SkipComment(ref at, ref atLine, ref atColumn);
            }
            else
            {
                return;
            }
        }
    }

    private void SkipComment(ref int at, ref int atLine, ref int atColumn)
    {
        int close = source.IndexOf("*/", at + 2, StringComparison.Ordinal);
        if (close < 0)
        {
            state.Diagnostics.Add(Compiler.Diagnostics.Unterminated, new SourceSpan(state.Path, at, 2, atLine, atColumn),
                "this comment has no end: '*/' is missing");
        }

        int end = close < 0 ? source.Length : close + 2;
        while (at < end) Step(ref at, ref atLine, ref atColumn);
    }
}
