using System;
using System.Collections.Generic;
using System.Globalization;
using Sprache;

namespace Sinter.Compiler.Syntax;

/// <summary>The words of the language. Blanks and comments follow a token, so that its span holds the token alone.</summary>
internal static class Tokens
{
    private static readonly HashSet<string> s_reserved = ["or", "and", "not", "has", "none", "true", "false"];

    // An expression that ends in an operator must not take the next statement or item for its operand; but weights may
    // have such names in their paths.
    private static readonly HashSet<string> s_openers = ["architecture", "block", "function", "import", "cache", "trace", "repeat", "if", "else"];

    /// <summary>A name; primes make further axes: <c>d'</c>.</summary>
    public static readonly Parser<Name> Identifier = Token("a name", input =>
    {
        string source = input.Source;
        int end = input.Position;
        if (end < source.Length && !IsLetter(source[end])) return 0;
        while (end < source.Length && IsWordCharacter(source[end])) end++;
        string word = source.Substring(input.Position, end - input.Position);
        while (end < source.Length && source[end] == '\'') end++;
        bool isPath = end < source.Length && ".[(".IndexOf(source[end]) >= 0;
        return s_reserved.Contains(word) || s_openers.Contains(word) && !isPath ? 0 : end - input.Position;
    }, (text, span) => new Name(text, span));

    /// <summary>A name with dots: <c>rope_scaling.factor</c>, <c>router.topk_idx</c>.</summary>
    public static readonly Parser<Name> DottedName = Token("a name", input =>
    {
        string source = input.Source;
        int end = input.Position;
        while (end < source.Length && IsLetter(source[end]))
        {
            while (end < source.Length && IsWordCharacter(source[end])) end++;
            if (end + 1 < source.Length && source[end] == '.' && IsLetter(source[end + 1])) end++;
        }

        return end - input.Position;
    }, (text, span) => new Name(text, span));

    private static readonly Parser<NumberLiteral> s_numberToken = Token("a number", NumberLength,
        (text, span) => new NumberLiteral(
            double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) ? value : double.PositiveInfinity,
            text,
            span));

    public static readonly Parser<NumberLiteral> Number = input =>
    {
        IResult<NumberLiteral> result = s_numberToken(input);
        if (result.WasSuccessful && double.IsInfinity(result.Value.Value))
        {
            ((SourceInput)input).State.Diagnostics.Add(Diagnostics.NumberOutOfRange, result.Value.Span,
                $"'{Shorten(result.Value.Text)}' is beyond the largest number, 1.8e308");
            return Result.Success(result.Value with { Value = 1 }, result.Remainder);
        }

        return result;
    };

    public static readonly Parser<TextLiteral> Text = Token("a text", TextLength,
        (text, span) => new TextLiteral(text.Substring(1, text.Length - 2), span));

    /// <summary><c>1x128</c></summary>
    public static readonly Parser<Expression> Tile = Token("a tile", input =>
    {
        string source = input.Source;
        int end = DigitsEnd(source, input.Position);
        if (end == input.Position || end >= source.Length || source[end] != 'x') return 0;
        int last = DigitsEnd(source, end + 1);
        return last == end + 1 || last - input.Position > 12 ? 0 : last - input.Position;
    }, (text, span) =>
    {
        string[] sides = text.Split('x');
        bool fits = int.TryParse(sides[0], out int rows) & int.TryParse(sides[1], out int columns);
        return (Expression)new TileLiteral(fits ? rows : 0, fits ? columns : 0, span);
    });

    /// <summary>The letter behind a large number, glued to it: K, M, B or T.</summary>
    public static readonly Parser<Name> Magnitude = Token("K, M, B or T", input =>
        !input.AtEnd && input.LastEnd == input.Position && "KMBT".IndexOf(input.Current) >= 0
        && !IsWordCharacter(input.Position + 1 < input.Source.Length ? input.Source[input.Position + 1] : ' ') ? 1 : 0,
        (text, span) => new Name(text, span));

    public static Parser<SourceSpan> Symbol(string text, string? called = null) => Token(called ?? $"'{text}'", input =>
        string.CompareOrdinal(input.Source, input.Position, text, 0, text.Length) == 0 ? text.Length : 0,
        (_, span) => span);

    public static Parser<SourceSpan> Keyword(string word, string? called = null) => Token(called ?? $"'{word}'", input =>
        string.CompareOrdinal(input.Source, input.Position, word, 0, word.Length) == 0
        && (input.Position + word.Length == input.Source.Length || !IsWordCharacter(input.Source[input.Position + word.Length]))
            ? word.Length : 0,
        (_, span) => span);

    public static readonly Parser<bool> EndOfFile = input => input.AtEnd
        ? Result.Success(true, input)
        : Result.Failure<bool>(input, "the end of the file", []);

    /// <summary>The word at a place, or its one character, for a message.</summary>
    public static int WordLength(SourceInput at)
    {
        int end = at.Position;
        while (end < at.Source.Length && IsWordCharacter(at.Source[end])) end++;
        return at.AtEnd ? 0 : Math.Max(1, end - at.Position);
    }

    public static string Shorten(string text) => text.Length <= 40 ? text : text.Substring(0, 37) + "…";

    private static Parser<T> Token<T>(string called, Func<SourceInput, int> length, Func<string, SourceSpan, T> make) => given =>
    {
        var input = (SourceInput)given;
        int count = input.AtEnd ? 0 : length(input);
        if (count == 0)
        {
            input.State.Expect(input, called);
            return Result.Failure<T>(input, called, [called]);
        }

        string text = input.Source.Substring(input.Position, count);
        return Result.Success(make(text, input.SpanTo(input.Position + count)), input.Skip(count));
    };

    private static int NumberLength(SourceInput input)
    {
        string source = input.Source;
        int end = DigitsEnd(source, input.Position);
        if (end == input.Position) return 0;
        if (end < source.Length && source[end] == '.' && DigitsEnd(source, end + 1) > end + 1) end = DigitsEnd(source, end + 1);
        if (end < source.Length && source[end] is 'e' or 'E')
        {
            int sign = end + 1 < source.Length && source[end + 1] is '+' or '-' ? 1 : 0;
            int last = DigitsEnd(source, end + 1 + sign);
            if (last > end + 1 + sign) end = last;
        }

        return end - input.Position;
    }

    private static int TextLength(SourceInput input)
    {
        if (input.Current != '"') return 0;
        int close = input.Source.IndexOfAny(['"', '\n'], input.Position + 1);
        if (close >= 0 && input.Source[close] == '"') return close + 1 - input.Position;
        input.State.ReportedAt = input.Position;
        input.State.Diagnostics.Add(Diagnostics.Unterminated, input.SpanTo(input.Position + 1), "this text has no end: '\"' is missing on its line");
        return 0;
    }

    private static int DigitsEnd(string source, int from)
    {
        while (from < source.Length && source[from] is >= '0' and <= '9') from++;
        return from;
    }

    private static bool IsLetter(char c) => c is (>= 'a' and <= 'z') or (>= 'A' and <= 'Z') or '_';

    private static bool IsWordCharacter(char c) => IsLetter(c) || c is >= '0' and <= '9';
}
