using System;
using System.Collections.Generic;
using System.Globalization;

namespace Sinter.Ptx.Text;

internal enum TokenKind
{
    /// <summary>An opcode with its modifiers, a register, a symbol or a label: <c>mad.lo.s32</c>, <c>%tid.x</c>.</summary>
    Word,

    /// <summary>A word that starts with a point: <c>.reg</c>, <c>.shared::cta</c>.</summary>
    Directive,
    Number,
    Text,
    Punctuation,
    End,
}

internal readonly record struct Token(TokenKind Kind, string Text, SourcePosition Position, Number? Value = null);

/// <summary>Cuts PTX text into tokens (PTX ISA, section 4, "Syntax").</summary>
internal sealed class Lexer(string text)
{
    private readonly List<Token> _tokens = [];
    private int _at;
    private int _line = 1;
    private int _lineStart;

    private SourcePosition Here => new(_line, _at - _lineStart + 1);

    public List<Token> Read()
    {
        while (SkipBlank())
        {
            _tokens.Add(Next());
        }

        _tokens.Add(new Token(TokenKind.End, "the end of the text", Here));
        return _tokens;
    }

    private char Peek(int ahead = 0) => _at + ahead < text.Length ? text[_at + ahead] : '\0';

    private bool SkipBlank()
    {
        while (_at < text.Length)
        {
            if (text[_at] == '\n')
            {
                _at++;
                _line++;
                _lineStart = _at;
            }
            else if (char.IsWhiteSpace(text[_at]) || text[_at] == '\0')
            {
                _at++;
            }
            else if (Peek() == '/' && Peek(1) == '/')
            {
                while (_at < text.Length && text[_at] != '\n')
                {
                    _at++;
                }
            }
            else if (Peek() == '/' && Peek(1) == '*')
            {
                SkipComment();
            }
            else
            {
                return true;
            }
        }

        return false;
    }

    private void SkipComment()
    {
        var start = Here;
        while (!(Peek() == '*' && Peek(1) == '/'))
        {
            if (_at >= text.Length)
            {
                throw new PtxException("this comment has no end.", start);
            }

            if (text[_at] == '\n')
            {
                _line++;
                _lineStart = _at + 1;
            }

            _at++;
        }

        _at += 2;
    }

    private Token Next()
    {
        var position = Here;
        var c = Peek();
        if (IsWordStart(c))
        {
            return new Token(TokenKind.Word, Word(withPoints: true), position);
        }

        if (c == '.' && IsWordStart(Peek(1)))
        {
            _at++;
            return new Token(TokenKind.Directive, "." + Word(withPoints: false), position);
        }

        if (char.IsAsciiDigit(c))
        {
            return ReadNumber(position);
        }

        if (c == '"')
        {
            var end = text.IndexOf('"', _at + 1);
            if (end < 0)
            {
                throw new PtxException("this string has no end.", position);
            }

            var value = text[(_at + 1)..end];
            _at = end + 1;
            return new Token(TokenKind.Text, value, position);
        }

        if ("{}()[]<>,;:=+-*/|!@~&".Contains(c))
        {
            _at++;
            return new Token(TokenKind.Punctuation, c.ToString(), position);
        }

        throw new PtxException($"the character '{c}' has no place in PTX.", position);
    }

    private static bool IsWordStart(char c) => char.IsAsciiLetter(c) || c is '_' or '$' or '%';

    private static bool IsWord(char c) => char.IsAsciiLetterOrDigit(c) || c is '_' or '$' or '%';

    private string Word(bool withPoints)
    {
        var start = _at;
        while (true)
        {
            if (IsWord(Peek()))
            {
                _at++;
            }
            else if (Peek() == ':' && Peek(1) == ':' && IsWordStart(Peek(2)))
            {
                _at += 2;
            }
            else if (withPoints && Peek() == '.' && IsWord(Peek(1)))
            {
                _at++;
            }
            else
            {
                return text[start.._at];
            }
        }
    }

    private Token ReadNumber(SourcePosition position)
    {
        var start = _at;
        while (IsWord(Peek()) || Peek() == '.' || (Peek() is '+' or '-' && Peek(-1) is 'e' or 'E' && IsDecimal(start)))
        {
            _at++;
        }

        var digits = text[start.._at];
        return new Token(TokenKind.Number, digits, position, Value(digits, position));
    }

    private bool IsDecimal(int start) => !(Peek(start - _at) == '0' && Peek(start - _at + 1) is 'x' or 'X' or 'f' or 'F' or 'd' or 'D');

    private static Number Value(string digits, SourcePosition position)
    {
        var body = digits.TrimEnd('U', 'u');
        var prefix = body.Length > 1 ? body[..2].ToLowerInvariant() : "";
        var hex = NumberStyles.HexNumber;
        if (prefix == "0f" && uint.TryParse(body.AsSpan(2), hex, null, out var single))
        {
            return new Number(NumberKind.Single, single, position);
        }

        if (prefix == "0d" && ulong.TryParse(body.AsSpan(2), hex, null, out var bits))
        {
            return new Number(NumberKind.Double, bits, position);
        }

        if (prefix == "0x" && ulong.TryParse(body.AsSpan(2), hex, null, out bits))
        {
            return new Number(NumberKind.Integer, bits, position);
        }

        if (prefix == "0b" && ulong.TryParse(body.AsSpan(2), NumberStyles.BinaryNumber, null, out bits))
        {
            return new Number(NumberKind.Integer, bits, position);
        }

        if (ulong.TryParse(body, NumberStyles.None, CultureInfo.InvariantCulture, out bits))
        {
            return new Number(NumberKind.Integer, body.Length > 1 && body[0] == '0' ? Octal(body, position) : bits, position);
        }

        if (double.TryParse(body, NumberStyles.Float, CultureInfo.InvariantCulture, out var value))
        {
            return new Number(NumberKind.Double, BitConverter.DoubleToUInt64Bits(value), position);
        }

        throw new PtxException($"'{digits}' is not a number.", position);
    }

    private static ulong Octal(string body, SourcePosition position)
    {
        var value = 0UL;
        foreach (var c in body)
        {
            value = c < '8' ? (value * 8) + (uint)(c - '0') : throw new PtxException($"'{body}' is not an octal number.", position);
        }

        return value;
    }
}
