namespace Sinter.Compiler.Syntax;

/// <summary>Where reading goes on behind an item that could not be read.</summary>
internal static class Recovery
{
    /// <summary>
    /// The next line behind the failure that is not inside braces which the item opened, or the brace that closes what
    /// the item stands in; always behind the item's start.
    /// </summary>
    public static SourceInput Resume(SourceInput item, int failure)
    {
        string source = item.Source;
        int depth = 0, at = item.Position;
        while (at < source.Length)
        {
            char c = source[at];
            bool behind = at >= failure;

            // What could not go on there may well begin there.
            if (at == failure && depth == 0 && at > item.Position && StartsLine(source, at)) return item.Skip(at - item.Position);
            if (c == '/' && at + 1 < source.Length && source[at + 1] == '/')
            {
                while (at < source.Length && source[at] != '\n') at++;
                continue;
            }

            if (c == '{') depth++;
            if (c == '}')
            {
                if (depth == 0 && behind && at > item.Position) return item.Skip(at - item.Position);
                if (depth > 0) depth--;
                if (depth == 0 && behind) return item.Skip(at + 1 - item.Position);
            }

            if (c == '\n' && depth == 0 && behind && at > item.Position) return item.Skip(at - item.Position);
            at++;
        }

        return item.Skip(source.Length - item.Position);
    }

    private static bool StartsLine(string source, int at)
    {
        while (at > 0 && source[at - 1] is ' ' or '\t' or '\r') at--;
        return at == 0 || source[at - 1] == '\n';
    }
}
