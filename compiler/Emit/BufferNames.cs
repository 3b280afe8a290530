using System.Collections.Generic;
using System.Linq;
using System.Text;

namespace Sinter.Compiler.Emit;

/// <summary>C# names of a region's buffers, each once.</summary>
internal sealed class BufferNames
{
    private static readonly string[] s_taken = ["pass", "worker", "step", "layer", "first", "caches", "in", "out", "ref", "is", "as", "do", "if", "for", "new", "int", "float", "double", "value", "base", "this"];
    private readonly string[] _names;

    public BufferNames(IEnumerable<string> buffers)
    {
        var used = new HashSet<string>(s_taken);
        _names = [.. buffers.Select(buffer =>
        {
            string name = Clean(buffer), unique = name;
            for (int k = 2; !used.Add(unique); k++) unique = $"{name}{k}";
            return unique;
        })];
    }

    public string this[int buffer] => _names[buffer];

    private static string Clean(string name)
    {
        var text = new StringBuilder();
        foreach (char c in name) text.Append(char.IsLetterOrDigit(c) || c == '_' ? c : c == '\'' ? 'p' : '_');
        return char.IsDigit(text[0]) ? "_" + text : text.ToString();
    }
}
