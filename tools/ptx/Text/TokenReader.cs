using System.Collections.Generic;

namespace Sinter.Ptx.Text;

/// <summary>A cursor over tokens with the expectations that the parsers share.</summary>
internal sealed class TokenReader(List<Token> tokens)
{
    private int _at;

    public Token Current => tokens[_at];

    public Token After => tokens[_at + 1 < tokens.Count ? _at + 1 : _at];

    public Token Take() => tokens[_at < tokens.Count - 1 ? _at++ : _at];

    public bool Is(string text) => Current.Kind != TokenKind.Text && Current.Text == text;

    public bool TakeIf(string text)
    {
        if (!Is(text))
        {
            return false;
        }

        Take();
        return true;
    }

    public Token Expect(string text)
        => Is(text) ? Take() : throw Error($"expected '{text}', but here is '{Current.Text}'.");

    public Token Expect(TokenKind kind, string what)
        => Current.Kind == kind ? Take() : throw Error($"expected {what}, but here is '{Current.Text}'.");

    public long Integer(string what)
    {
        var negative = TakeIf("-");
        var token = Expect(TokenKind.Number, what);
        if (token.Value!.Kind != NumberKind.Integer)
        {
            throw new PtxException($"expected {what}, but '{token.Text}' is not an integer.", token.Position);
        }

        var value = (long)token.Value.Bits;
        return negative ? -value : value;
    }

    public PtxException Error(string message) => new(message, Current.Position);

    /// <summary>Skips the rest of the line; .loc and .file have no closing mark.</summary>
    public void SkipLine()
    {
        var line = Current.Position.Line;
        while (Current.Kind != TokenKind.End && Current.Position.Line == line)
        {
            Take();
        }
    }

    /// <summary>Skips a braced group, nested braces included.</summary>
    public void SkipBraces()
    {
        Expect("{");
        for (var depth = 1; depth > 0;)
        {
            if (Current.Kind == TokenKind.End)
            {
                throw Error("a brace is not closed.");
            }

            var token = Take();
            depth += token.Text == "{" ? 1 : token.Text == "}" ? -1 : 0;
        }
    }
}
