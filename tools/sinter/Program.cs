using System;

Console.Error.WriteLine("usage: sinter COMMAND");
return 2;
